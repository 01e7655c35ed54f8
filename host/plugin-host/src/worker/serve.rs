//! The worker's side: loads one plugin, creates one strategy, and calls it when the host says so.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;

use abi_stable::sabi_trait::TD_Opaque;
use abi_stable::std_types::{RResult, RSlice};
use alhost_plugin_api::Error;
use alhost_plugin_api::ffi::{Answer, EnvInfo, Host_TO, PlugError, StrategyBox};
use alhost_plugin_protocol::{
    AnswerMessage, Failure, FromWorker, Hello, PROTOCOL, RoundMessage, Start, ToWorker,
};
use alhost_plugin_protocol::{Channel, ChannelError, Received};
use rustix::process::{Resource, Rlimit, Signal};

use super::client::Client;
use super::host::NothingLent;
use super::slices::{Arena, Mapped, Packer};
use crate::loader::PluginFile;
use crate::strategy::too_large;

/// Serves until the host closes the connection. `host` is its process.
///
/// # Errors
/// If the connection or the protocol breaks.
pub(crate) fn serve(host: u32) -> io::Result<()> {
    confine(host)?;
    let channel = Channel::new(take_stdin()?);
    match talk(&channel) {
        Ok(()) | Err(ChannelError::Closed) => Ok(()),
        Err(error) => Err(io::Error::other(error.to_string())),
    }
}

/// Nothing of this stops an attacker; it contains faults.
fn confine(host: u32) -> io::Result<()> {
    // A host that is killed must not leave workers behind, also if it was gone before this line.
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    if std::os::unix::process::parent_id() != host {
        return Err(io::Error::other("the host is gone"));
    }
    rustix::thread::set_no_new_privs(true)?;
    // Whatever it starts stays below it, also what leaves its group or loses its parent.
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    limit(Resource::Core, 0)
}

fn limit(resource: Resource, most: u64) -> io::Result<()> {
    let limits = Rlimit { current: Some(most), maximum: Some(most) };
    Ok(rustix::process::setrlimit(resource, limits)?)
}

/// The connection comes as standard input, which a plugin must not read.
fn take_stdin() -> io::Result<UnixStream> {
    let socket = io::stdin().as_fd().try_clone_to_owned()?;
    let nothing = fs_err::File::open("/dev/null")?;
    rustix::stdio::dup2_stdin(nothing.file())?;
    Ok(UnixStream::from(socket))
}

fn talk(channel: &Channel) -> Result<(), ChannelError> {
    channel.send(&Hello { protocol: PROTOCOL }, &[], None)?;
    let Received { message: Hello { protocol }, .. } = channel.receive(None)?;
    if protocol != PROTOCOL {
        // The host tells of it.
        return Ok(());
    }
    let Received { message, .. } = channel.receive(None)?;
    let ToWorker::Start(start) = message else {
        return Err(ChannelError::Broken("the first message is not `Start`".to_owned()));
    };
    let mut strategy = match create(&start) {
        Ok(strategy) => strategy,
        Err(error) => return channel.send(&FromWorker::Done(Err(error.into())), &[], None),
    };
    channel.send(&FromWorker::Done(Ok(())), &[], None)?;
    let mut mapped = Mapped::default();
    loop {
        let Received { message, fds } = channel.receive(None)?;
        match message {
            ToWorker::Select { n, round } => {
                select(channel, &mut strategy, &mut mapped, n as usize, round, fds)?;
            }
            ToWorker::Save => save(channel, &mut strategy)?,
            ToWorker::Load(state) => {
                let arena = Arena::default();
                let state = arena.unpack::<u8>(state, &mut mapped, &mut fds.into_iter())?;
                let loaded = strategy.load(RSlice::from_slice(state)).into_result();
                channel.send(&FromWorker::Done(loaded.map_err(Failure::from)), &[], None)?;
            }
            _ => return Err(ChannelError::Broken("a message out of turn".to_owned())),
        }
    }
}

/// Loads the plugin, with no more memory than it may have from here on.
fn create(start: &Start) -> Result<StrategyBox, PlugError> {
    let failed = |why: String| PlugError::from(Error::new(why));
    // Private memory that can be written; the shared matrices are not counted.
    limit(Resource::Data, start.memory_bytes).map_err(|e| failed(e.to_string()))?;
    let plugin = PluginFile::read(&start.plugin).map_err(|e| failed(e.to_string()))?;
    if plugin.hash != start.blake3 {
        let path = plugin.path.display();
        return Err(failed(format!("{path} is not the file that the host checked")));
    }
    let library = plugin.load_here().map_err(|e| failed(e.to_string()))?;
    let create = library.module.create();
    let (n_texts, n_labels) = (start.n_texts, start.n_labels);
    let env = EnvInfo { instance: start.instance.as_str().into(), n_texts, n_labels };
    create(start.params.as_str().into(), env).into_result()
}

fn select(
    channel: &Channel,
    strategy: &mut StrategyBox,
    mapped: &mut Mapped,
    n: usize,
    round: RoundMessage,
    fds: Vec<Option<OwnedFd>>,
) -> Result<(), ChannelError> {
    mapped.next_call();
    let arena = Arena::default();
    let client = Client::new(channel, mapped, &arena, round, fds)?;
    let answer = strategy.select(&Host_TO::from_ptr(&client, TD_Opaque), n);
    client.say_what_is_left_out();
    let mut packer = Packer::new(&NothingLent, None);
    let answer = match answer {
        RResult::ROk(Answer { ids, scores }) => Ok(AnswerMessage {
            ids: packer.pack(&ids)?,
            scores: scores.into_option().map(|scores| packer.pack(&scores)).transpose()?,
        }),
        RResult::RErr(error) => Err(error.into()),
    };
    channel.send(&FromWorker::Answer(answer), &packer.fds(), None)
}

fn save(channel: &Channel, strategy: &mut StrategyBox) -> Result<(), ChannelError> {
    let mut packer = Packer::new(&NothingLent, None);
    let saved = match strategy.save() {
        RResult::ROk(state) => match too_large(state.len()) {
            Some(error) => Err(error.into()),
            None => Ok(packer.pack(&state)?),
        },
        RResult::RErr(error) => Err(error.into()),
    };
    channel.send(&FromWorker::Saved(saved), &packer.fds(), None)
}
