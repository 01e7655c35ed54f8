//! How large a cluster lets arrays be.

use std::num::NonZeroU32;

/// Bounds of one array.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// An index is smaller than that (`MaxArraySize`).
    pub indices: NonZeroU32,
    /// The most tasks of one array (`max_array_tasks`, which is `MaxArraySize` where it is not set).
    pub tasks: NonZeroU32,
}

impl Limits {
    /// Reads what `scontrol show config` prints. `None` if it does not say how large arrays may be, or that there
    /// are none.
    pub(crate) fn parse(config: &str) -> Option<Self> {
        let value = |key: &str| {
            let mut settings = config.lines().filter_map(|line| line.split_once('='));
            settings.find(|(name, _)| name.trim() == key).map(|(_, value)| value.trim())
        };
        let indices = value("MaxArraySize")?.parse().ok()?;
        let mut parameters = value("SchedulerParameters").unwrap_or_default().split(',');
        let tasks = parameters.find_map(|parameter| parameter.strip_prefix("max_array_tasks="));
        let tasks = tasks.and_then(|tasks| tasks.parse().ok()).unwrap_or(indices);
        Some(Self { indices, tasks })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_from_the_configuration() {
        let check = |config: &str, expected: Option<(u32, u32)>| {
            let limits = Limits::parse(config).map(|read| (read.indices.get(), read.tasks.get()));
            assert_eq!(limits, expected, "{config}");
        };
        let config = "Configuration data as of 2026-11-28T11:21:39\nMaxArraySize            = 1001\n\
                      SchedulerParameters     = bf_interval=2,max_array_tasks=500,x\n";
        check(config, Some((1001, 500)));
        check("MaxArraySize = 20\nSchedulerParameters = (null)", Some((20, 20)));
        check("MaxArraySize = 0", None);
        check("slurm_load_ctl_conf error", None);
    }
}
