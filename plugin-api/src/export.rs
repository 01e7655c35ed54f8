//! The code behind `export_strategy!`: the adapter from the author's trait to the ABI, and the
//! guards that keep a panic on the plugin's side.

use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};

use abi_stable::sabi_trait::TD_Opaque;
use abi_stable::std_types::{RResult, RSlice, RStr, RVec};
use serde_json::{Map, Value};

use crate::ffi::{Answer, EnvInfo, HostRef, PlugError, RawStrategy, RawStrategy_TO, StrategyBox};
use crate::{Context, Env, Error, ErrorKind, Params, Result, Strategy, ffi};

pub use crate::concat::{concat, length, text};
pub use crate::ffi::{PluginMod, PluginMod_Ref};
pub use abi_stable::library::{
    __call_root_module_loader, CheckTypeLayout, LibHeader, RootModuleResult,
};
pub use abi_stable::prefix_type::PrefixTypeTrait;
pub use abi_stable::std_types::RStr as Text;

/// Version of this crate, inside the plugin.
pub const API_VERSION: &str = env!("CARGO_PKG_VERSION");
/// Compiler that built the plugin.
pub const RUSTC: &str = env!("ALHOST_RUSTC");
/// Build profile, as far as it shows: `debug` where debug assertions are on.
pub const PROFILE: &str = if cfg!(debug_assertions) { "debug" } else { "release" };
/// The effect of a panic: `unwind` or `abort`.
pub const PANIC: &str = if cfg!(panic = "unwind") { "unwind" } else { "abort" };

thread_local!(static LAST_PANIC: RefCell<Option<String>> = const { RefCell::new(None) });

/// The last panic of any thread: that of one which the strategy started and whose panic it passed on, as
/// thread pools do.
static LAST_OF_ALL: Mutex<Option<String>> = Mutex::new(None);

/// Notes message and place of a panic. A cdylib carries its own standard library, so the hook sees
/// this plugin's panics and nobody else's.
pub fn install_panic_hook(id: &'static str) {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        std::panic::set_hook(Box::new(move |info| {
            let message = info.payload_as_str().unwrap_or("(no message)");
            let at = info.location().map(ToString::to_string).unwrap_or_default();
            let told = format!("plugin `{id}` panicked at {at}: {message}");
            *LAST_OF_ALL.lock().unwrap_or_else(PoisonError::into_inner) = Some(told.clone());
            LAST_PANIC.with(|last| *last.borrow_mut() = Some(told));
        }));
    });
}

/// Runs plugin code. Without this, `abi_stable` answers a panic with `exit(1)`.
pub fn guarded<T>(f: impl FnOnce() -> Result<T>) -> RResult<T, PlugError> {
    catch_unwind(AssertUnwindSafe(f))
        .unwrap_or_else(|payload| {
            // Dropping the payload can panic in its turn (rust-lang/rust#86027).
            let _leaked = ManuallyDrop::new(payload);
            let elsewhere = LAST_OF_ALL.lock().unwrap_or_else(PoisonError::into_inner).take();
            let message = LAST_PANIC.with(|last| last.borrow_mut().take()).or(elsewhere);
            Err(Error::panicked(message.unwrap_or_else(|| "plugin panicked".to_owned())))
        })
        .map_err(PlugError::from)
        .into()
}

struct Adapter<S> {
    /// The strategy; `None` only while `drop` runs.
    inner: Option<S>,
    poisoned: bool,
}

impl<S: Strategy> Adapter<S> {
    fn call<T>(&mut self, f: impl FnOnce(&mut S) -> Result<T>) -> RResult<T, PlugError> {
        if self.poisoned {
            let message = "the strategy panicked earlier and is not called again".to_owned();
            return RResult::RErr(Error::panicked(message).into());
        }
        let inner = self.inner.as_mut().expect("only `drop` takes the strategy out");
        let answer = guarded(|| f(inner));
        let panicked = |error: &PlugError| error.code == Error::panicked(String::new()).code();
        self.poisoned = matches!(&answer, RResult::RErr(error) if panicked(error));
        answer
    }
}

impl<S: Strategy> RawStrategy for Adapter<S> {
    fn select(&mut self, host: &HostRef<'_>, n: usize) -> RResult<Answer, PlugError> {
        self.call(|inner| {
            let selection = inner.select(&Context::new(host), n)?;
            let ids = ffi::raw_ids(&selection.ids).to_vec().into();
            Ok(Answer { ids, scores: selection.scores.map(RVec::from).into() })
        })
    }

    fn save(&mut self) -> RResult<RVec<u8>, PlugError> {
        self.call(|inner| inner.save().map(RVec::from))
    }

    fn load(&mut self, state: RSlice<'_, u8>) -> RResult<(), PlugError> {
        self.call(|inner| inner.load(state.as_slice()))
    }
}

impl<S> Drop for Adapter<S> {
    fn drop(&mut self) {
        let inner = self.inner.take();
        // A destructor that panics is swallowed: there is nobody left to tell.
        let _swallowed = guarded(|| {
            drop(inner);
            Ok(())
        });
    }
}

/// Creates a strategy from its parameters as JSON.
pub extern "C" fn create<S: Strategy>(
    params: RStr<'_>,
    env: EnvInfo<'_>,
) -> RResult<StrategyBox, PlugError> {
    guarded(|| {
        let params: Map<String, Value> = serde_json::from_str(params.as_str())
            .map_err(|e| format!("the parameters are not a JSON object: {e}"))?;
        let env = Env {
            instance: env.instance.as_str(),
            n_texts: env.n_texts as usize,
            n_labels: env.n_labels as usize,
        };
        let strategy = S::new(S::Params::parse(&params)?, &env)?;
        let adapter = Adapter { inner: Some(strategy), poisoned: false };
        Ok(RawStrategy_TO::from_value(adapter, TD_Opaque))
    })
}

/// Whether an error that crossed the boundary was a panic.
pub fn is_panic(error: &Error) -> bool {
    error.kind() == ErrorKind::Panicked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_that_a_thread_passes_on_is_told_with_its_place() {
        install_panic_hook("threads");
        let answer = guarded(|| {
            let panicked = std::thread::scope(|scope| {
                let work = || panic!("in a thread");
                scope.spawn::<_, ()>(work).join()
            });
            panicked.or_else(|payload| std::panic::resume_unwind(payload))
        });
        let _default = std::panic::take_hook();
        let message = answer.into_result().unwrap_err().message.into_string();
        assert!(
            message.contains("plugin `threads` panicked at plugin-api/src/export.rs"),
            "{message}"
        );
        assert!(message.contains("in a thread"), "{message}");
    }

    /// `export_name` takes a literal only, so the macro spells the name out.
    #[test]
    fn the_exported_symbol_is_the_one_that_abi_stable_looks_for() {
        let name = abi_stable::library::ROOT_MODULE_LOADER_NAME;
        assert_eq!(name, "_1as_0lib_1header_0root_bmodule_bloader");
    }
}
