//! The page's server: HTTP on one address, nothing fetched from elsewhere, nothing said to other origins.

mod assets;
mod guard;
mod routes;

use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::Arc;

use anyhow::{Context as _, bail};

use crate::shared::Shared;

pub use guard::Guard;

/// The most bytes of a request's body; an answer has less than one thousandth.
const MOST_OF_A_BODY: usize = 1 << 20;

/// Takes an address for the server: `127.0.0.1:8700`, or a port alone for this machine.
///
/// # Errors
/// If it is no address, or another program has it.
pub fn listen(address: &str) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let whole = match address.parse::<u16>() {
        Ok(port) => format!("127.0.0.1:{port}"),
        Err(_) => address.to_owned(),
    };
    let hint = "a port such as `8700`, or an address with one, such as `127.0.0.1:8700`";
    let Some(found) = whole.to_socket_addrs().ok().and_then(|mut found| found.next()) else {
        bail!("`{address}` is no address to listen on\nhint: {hint}");
    };
    let listener = TcpListener::bind(found).with_context(|| {
        format!("{found} cannot be listened on\nhint: another program may have the port: try `--listen {}`", found.port().wrapping_add(1))
    })?;
    let address = listener.local_addr()?;
    listener.set_nonblocking(true)?;
    Ok((listener, address))
}

/// Serves the page until `until` ends.
pub fn serve(
    shared: &Arc<Shared>,
    listener: TcpListener,
    guard: Guard,
    until: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("page")
        .enable_all()
        .build()?;
    let app = routes::app(Arc::clone(shared), guard);
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        tokio::select! {
            done = axum::serve(listener, app) => Ok(done?),
            () = until => Ok(()),
        }
    })
}
