//! Requests to the hub, each with a deadline; a download goes on where an earlier one stopped.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use fs_err::{File, OpenOptions};
use sha2::{Digest, Sha256};
use ureq::{Agent, ErrorKind, Response};

use super::cache::is_commit;

const CONNECT: Duration = Duration::from_secs(10);
/// The longest wait without a byte, and for the whole of a short answer.
const SILENCE: Duration = Duration::from_secs(30);
/// A minute with fewer bytes than this is no download.
const FEWEST_A_MINUTE: u64 = 4 << 10;
const MINUTE: Duration = Duration::from_mins(1);
const MOST_REDIRECTS: usize = 5;
/// A download that breaks off goes on so often, if it gets further.
const MOST_TRIES: usize = 5;

const NO_NETWORK: &str = "without a network, give a folder as `model.checkpoint`, use `minilm`, or fill \
                          the cache elsewhere and set HF_HUB_OFFLINE=1";
const NO_HUB: &str = "is it a login page or a proxy? check HF_ENDPOINT and HTTPS_PROXY";

/// The reason why something could not be fetched, and what to do.
#[derive(Debug)]
pub(super) struct Trouble {
    pub(super) reason: String,
    pub(super) hint: String,
}

impl Trouble {
    pub(super) fn new(reason: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { reason: reason.into(), hint: hint.into() }
    }

    pub(super) fn disk(error: &io::Error) -> Self {
        Self::new(error.to_string(), "the cache (HF_HUB_CACHE) must be writable and have room")
    }
}

/// The hub's answer on a file.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) commit: String,
    /// Names the content.
    pub(super) etag: String,
    pub(super) size: u64,
}

pub(super) struct Client {
    agent: Agent,
    endpoint: String,
    /// The address up to the file's name.
    base: String,
    token: Option<String>,
}

impl Client {
    pub(super) fn new(endpoint: &str, repo: &str, revision: &str, token: Option<String>) -> Self {
        let agent = ureq::AgentBuilder::new()
            .try_proxy_from_env(true)
            .redirects(0) // We follow them, so that the token stays with the hub.
            .timeout_connect(CONNECT)
            .timeout_read(SILENCE)
            .timeout_write(SILENCE)
            .resolver(resolve)
            .user_agent(concat!("alhost/", env!("CARGO_PKG_VERSION")))
            .build();
        let base = format!("{endpoint}/{repo}/resolve/{}", revision.replace('/', "%2F"));
        Self { agent, endpoint: endpoint.to_owned(), base, token }
    }

    pub(super) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Asks the hub about a file; `None` if the repository does not have it.
    pub(super) fn look(&self, file: &str) -> Result<Option<Found>, Trouble> {
        let Some(answer) = self.get(file, "bytes=0-0", Some(SILENCE))? else { return Ok(None) };
        let no_hub = |what: &str| Trouble::new(format!("the answer has no {what}"), NO_HUB);
        let commit = answer.commit.filter(|commit| is_commit(commit));
        let size = range(&answer.response).map(|(_, size)| size).or_else(|| {
            let is_whole = answer.response.status() == 200;
            let size = answer.response.header("content-length").filter(|_| is_whole);
            size.and_then(|size| size.parse().ok())
        });
        Ok(Some(Found {
            commit: commit.ok_or_else(|| no_hub("commit (x-repo-commit)"))?,
            etag: answer.etag.map(|etag| as_name(&etag)).ok_or_else(|| no_hub("etag"))?,
            size: size.ok_or_else(|| no_hub("size (content-range)"))?,
        }))
    }

    /// Fetches the file's content into `part`, or what is missing of it there.
    pub(super) fn download(&self, file: &str, found: &Found, part: &Path) -> Result<(), Trouble> {
        let disk = |error: io::Error| Trouble::disk(&error);
        fs_err::create_dir_all(part.parent().unwrap_or(Path::new("."))).map_err(disk)?;
        let mut options = OpenOptions::new();
        let options = options.create(true).truncate(false).read(true).write(true);
        let mut out = options.open(part).map_err(disk)?;
        if out.metadata().map_err(disk)?.len() > found.size {
            out.set_len(0).map_err(disk)?;
        }
        let mut have = out.seek(SeekFrom::End(0)).map_err(disk)?;
        let mut tries = 0;
        while have < found.size {
            let before = have;
            let result = self.go_on(file, found, &mut out, &mut have);
            tries += 1;
            match result {
                Ok(()) => (),
                Err(trouble) if have <= before || tries == MOST_TRIES => return Err(trouble),
                Err(trouble) => {
                    tracing::info!("{file}: going on at byte {have}: {}", trouble.reason);
                }
            }
        }
        if is_sha256(&found.etag) && sha256(&mut out).map_err(disk)? != found.etag {
            fs_err::remove_file(part).map_err(disk)?;
            let hint = "the same command fetches it once more";
            return Err(Trouble::new("what arrived is not what the hub has (SHA-256)", hint));
        }
        Ok(())
    }

    /// Appends to the `have` bytes that are there, as long as something comes.
    fn go_on(
        &self,
        file: &str,
        found: &Found,
        out: &mut File,
        have: &mut u64,
    ) -> Result<(), Trouble> {
        let answer = self.get(file, &format!("bytes={have}-"), None)?;
        let answer = answer.ok_or_else(super::no_such_file)?;
        let disk = |error: io::Error| Trouble::disk(&error);
        match range(&answer.response) {
            Some((start, size)) if start == *have && size == found.size => (),
            None if answer.response.status() == 200 => {
                out.set_len(0).map_err(disk)?;
                *have = 0;
            }
            _ => return Err(Trouble::new("it sent another part than was asked for", NO_HUB)),
        }
        out.seek(SeekFrom::Start(*have)).map_err(disk)?;
        let mut body = answer.response.into_reader().take(found.size - *have);
        copy_in_time(&mut body, out, have)?;
        let missing = found.size - *have;
        if missing > 0 {
            return Err(Trouble::new(format!("it ended {missing} bytes early"), "try again later"));
        }
        Ok(())
    }

    /// Gets a range of the file; `None` if the repository does not have it. `within` is for the
    /// whole answer.
    fn get(
        &self,
        file: &str,
        range: &str,
        within: Option<Duration>,
    ) -> Result<Option<Answer>, Trouble> {
        let mut url = format!("{}/{file}", self.base);
        let (mut commit, mut etag) = (None, None);
        for _ in 0..=MOST_REDIRECTS {
            let Some(response) = self.send(&url, range, within)? else { return Ok(None) };
            let header = |name: &str| response.header(name).map(str::to_owned);
            commit = commit.or_else(|| header("x-repo-commit"));
            // The content's own, of a file that lies elsewhere; then that of the answer.
            etag = etag.or_else(|| header("x-linked-etag"));
            if !(300..400).contains(&response.status()) {
                etag = etag.or_else(|| header("etag"));
                return Ok(Some(Answer { response, commit, etag }));
            }
            let to = response.header("location").unwrap_or_default();
            url = joined(&url, to)
                .ok_or_else(|| Trouble::new(format!("it refers to {to:?}"), NO_HUB))?;
        }
        Err(Trouble::new(format!("it refers further more than {MOST_REDIRECTS} times"), NO_HUB))
    }

    fn send(
        &self,
        url: &str,
        range: &str,
        within: Option<Duration>,
    ) -> Result<Option<Response>, Trouble> {
        let mut request = self.agent.get(url).set("Range", range);
        if let Some(within) = within {
            request = request.timeout(within);
        }
        let is_hub = origin(url) == origin(&self.endpoint);
        if let Some(token) = self.token.as_ref().filter(|_| is_hub) {
            request = request.set("Authorization", &format!("Bearer {token}"));
        }
        match request.call() {
            Ok(response) => Ok(Some(response)),
            Err(ureq::Error::Status(404, response)) if is_absent(&response) => Ok(None),
            Err(ureq::Error::Status(status, response)) => Err(refused(status, &response)),
            Err(ureq::Error::Transport(transport)) => Err(unreachable(&transport)),
        }
    }
}

/// Writes what comes, and counts it in `have`, until there is no more or too little of it.
fn copy_in_time(body: &mut impl Read, out: &mut File, have: &mut u64) -> Result<(), Trouble> {
    let mut buffer = vec![0; 1 << 16];
    let (mut since, mut in_time) = (Instant::now(), 0);
    loop {
        let n = body.read(&mut buffer).map_err(|error| broke_off(&error))?;
        if n == 0 {
            return Ok(());
        }
        out.write_all(&buffer[..n]).map_err(|error| Trouble::disk(&error))?;
        *have += n as u64;
        in_time += n as u64;
        if since.elapsed() > MINUTE {
            if in_time < FEWEST_A_MINUTE {
                let reason = format!("only {in_time} bytes came in a minute");
                return Err(Trouble::new(reason, NO_NETWORK));
            }
            (since, in_time) = (Instant::now(), 0);
        }
    }
}

struct Answer {
    response: Response,
    commit: Option<String>,
    etag: Option<String>,
}

/// Looks a name up, and gives up in time; the system's own deadline may be minutes.
fn resolve(name: &str) -> io::Result<Vec<SocketAddr>> {
    let (sender, receiver) = mpsc::channel();
    let name = name.to_owned();
    let look_up = move || {
        let found = name.to_socket_addrs().map(Iterator::collect);
        let _gave_up = sender.send(found);
    };
    std::thread::Builder::new().spawn(look_up)?;
    let late = |_| io::Error::new(io::ErrorKind::TimedOut, "no answer in time");
    receiver.recv_timeout(CONNECT).map_err(late)?
}

/// Returns where in the file an answer begins, and how large the file is.
fn range(response: &Response) -> Option<(u64, u64)> {
    let (part, size) = response.header("content-range")?.strip_prefix("bytes ")?.split_once('/')?;
    Some((part.split_once('-')?.0.parse().ok()?, size.parse().ok()?))
}

/// Scheme and host.
fn origin(url: &str) -> Option<&str> {
    let host = url.find("://")? + 3;
    Some(url[host..].find('/').map_or(url, |end| &url[..host + end]))
}

fn joined(url: &str, to: &str) -> Option<String> {
    if to.starts_with('/') && !to.starts_with("//") {
        return Some(format!("{}{to}", origin(url)?));
    }
    let is_safe =
        to.starts_with("https://") || to.starts_with("http://") && url.starts_with("http://");
    is_safe.then(|| to.to_owned())
}

/// An etag as a file's name: as the hub gives it, or hashed where that is none.
fn as_name(etag: &str) -> String {
    let etag = etag.trim_start_matches("W/").replace('"', "");
    let is_name = (1..=128).contains(&etag.len())
        && !etag.starts_with('.')
        && etag.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    if is_name { etag } else { blake3::hash(etag.as_bytes()).to_hex()[..40].to_owned() }
}

/// Whether an etag is a sha256, by which large files are named.
fn is_sha256(etag: &str) -> bool {
    etag.len() == 64 && etag.chars().all(|c| c.is_ascii_hexdigit())
}

fn sha256(file: &mut File) -> io::Result<String> {
    file.seek(SeekFrom::Start(0))?;
    let mut hasher = Sha256::new();
    io::copy(file, &mut hasher)?;
    Ok(format!("{:x}", hasher.finalize()))
}

/// Whether it is the file that is not there, and not the repository or the revision.
fn is_absent(response: &Response) -> bool {
    !matches!(response.header("x-error-code"), Some("RepoNotFound" | "RevisionNotFound"))
}

fn refused(status: u16, response: &Response) -> Trouble {
    let code = response.header("x-error-code").unwrap_or_default();
    let (reason, hint) = match (status, code) {
        (_, "RevisionNotFound") => {
            ("it has no such revision", "what follows the `@` is a branch, a tag or a commit")
        }
        (_, "GatedRepo") => {
            ("access has to be asked for", "ask for it on the repository's page, and set HF_TOKEN")
        }
        (401 | 403 | 404, _) => (
            "there is no such repository, or it is private",
            "check the name; for a private one, set HF_TOKEN",
        ),
        (407, _) => ("the proxy asks for a password", "put it into HTTPS_PROXY"),
        (429 | 500.., _) => ("it is busy or out of order", "try again later"),
        _ => ("it refuses", NO_HUB),
    };
    Trouble::new(format!("{reason} (status {status})"), hint)
}

fn unreachable(transport: &ureq::Transport) -> Trouble {
    let text = transport.to_string();
    let detail = text.rsplit(": ").next().unwrap_or_default();
    let is_late = text.contains("timed out") || text.contains("in time");
    let reason = match transport.kind() {
        ErrorKind::Dns => format!("its name is not known here ({detail})"),
        ErrorKind::ConnectionFailed => format!("no connection ({detail})"),
        ErrorKind::InvalidUrl | ErrorKind::UnknownScheme => {
            return Trouble::new(
                "this is no address",
                "HF_ENDPOINT is like https://huggingface.co",
            );
        }
        _ if is_late => format!("no answer in {} s", SILENCE.as_secs()),
        _ => text.clone(),
    };
    Trouble::new(reason, NO_NETWORK)
}

fn broke_off(error: &io::Error) -> Trouble {
    let reason = match error.kind() {
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => {
            format!("nothing came for {} s", SILENCE.as_secs())
        }
        _ => format!("the connection broke off ({error})"),
    };
    Trouble::new(reason, NO_NETWORK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_leads_to_the_same_host_or_one_as_safe() {
        let from = "https://hub.example/me/m/resolve/main/f";
        let check = |to: &str, expected: Option<&str>| {
            assert_eq!(joined(from, to).as_deref(), expected, "{to}");
        };
        check("/api/x", Some("https://hub.example/api/x"));
        check("https://cdn.example/x", Some("https://cdn.example/x"));
        check("http://cdn.example/x", None);
        check("//cdn.example/x", None);
        check("file:///etc/passwd", None);
        check("", None);
        assert_eq!(origin("http://a:1"), Some("http://a:1"));
    }

    #[test]
    fn an_etag_is_a_safe_name() {
        assert_eq!(as_name("\"abc\""), "abc");
        assert_eq!(as_name("W/\"abc-1\""), "abc-1");
        for odd in ["\"../x\"", "", "a/b", ".hidden"] {
            assert_eq!(as_name(odd).len(), 40, "{odd}");
        }
    }
}
