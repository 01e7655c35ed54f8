//! What a host and a strategy in another process say to each other.
//!
//! ```text
//! host                                          worker
//!   Hello {version}                       ->
//!                                         <-    Hello {version}
//!   Start {plugin, parameters}            ->      loads the plugin, creates the strategy
//!                                         <-    Done
//!   Select {n, round}                     ->      calls it
//!                                         <-    Fetch {feature, ids}         any number of these
//!   Block                                 ->
//!                                         <-    Answer {ids, scores}
//! ```
//!
//! A message is a frame on a Unix socket: two u32 in the machine's byte order (bytes of the body,
//! number of descriptors), with the descriptors of shared memory beside them, then the body in postcard's
//! encoding (<https://postcard.jamesmunns.com/wire-format>). `Hello` is the first frame in either direction
//! and never changes, so that two versions can tell each other apart; everything else may change with the
//! version. Slices from a mebibyte up lie in sealed memory files, which the receiver maps read-only.

mod channel;
mod messages;

pub use channel::{Channel, ChannelError, MAX_FDS, Received, Watch};
pub use messages::{
    AnswerMessage, BlockMessage, Failure, FromWorker, Hello, RoundMessage, Slice, Start, ToWorker,
};

/// The version of all messages but [`Hello`].
pub const PROTOCOL: u32 = 3;

/// The most bytes of a log message or an error that are passed on.
pub const MAX_TEXT: usize = 8 << 10;

/// Cuts a text of a plugin's to at most `limit` bytes, what a person may still want to read.
pub fn cut(text: String, limit: usize) -> String {
    if text.len() <= limit {
        return text;
    }
    let note = format!(" ... (cut: it has {} bytes)", text.len());
    let start = &text[..text.floor_char_boundary(limit.saturating_sub(note.len()))];
    format!("{start}{note}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(cut("abc".to_owned(), 3), "abc");
        let once = cut(format!("a{}", "é".repeat(100)), 40);
        assert_eq!(once, "aééééé ... (cut: it has 201 bytes)");
        assert_eq!(cut(once.clone(), 40), once);
    }
}
