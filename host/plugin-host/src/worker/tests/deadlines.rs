//! Waiting ends: at a deadline, for a worker that does not listen, and before memory beyond its share is read.

use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use alhost_plugin_protocol::{
    AnswerMessage, Channel, ChannelError, Failure, FromWorker, Hello, MAX_TEXT, PROTOCOL, Slice,
    ToWorker,
};
use serde_bytes::ByteBuf;

use super::{Plain, inline, options};
use crate::worker::host::NothingLent;
use crate::worker::serving::Serving;
use crate::worker::slices::Lent;
use crate::worker::talk::{Lost, Talk};

/// Ends a wait at the third look.
fn impatient() -> impl FnMut() -> Result<(), ChannelError> {
    let mut looks = 0;
    move || {
        looks += 1;
        if looks < 3 { Ok(()) } else { Err(ChannelError::Ended("enough".to_owned())) }
    }
}

#[test]
fn waiting_for_a_message_ends_when_its_watch_says_so() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let channel = Channel::new(ours);
    let receive = || channel.receive::<ToWorker>(Some(&mut impatient())).map(drop);
    assert!(matches!(receive(), Err(ChannelError::Ended(_))));
    // Half a header does not count as a message.
    (&theirs).write_all(&[9, 0, 0]).unwrap();
    assert!(matches!(receive(), Err(ChannelError::Ended(_))));
    drop(theirs);
    assert!(matches!(channel.receive::<ToWorker>(None), Err(ChannelError::Closed)));
}

#[test]
fn a_worker_that_does_not_listen_keeps_nobody() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let message = ToWorker::Load(Slice::Inline(ByteBuf::from(vec![7; 8 << 20])));
    let sent = Channel::new(ours).send(&message, &[], Some(&mut impatient()));
    assert!(matches!(sent, Err(ChannelError::Ended(_))));
    drop(theirs);
}

#[test]
fn a_worker_of_another_version_is_told_apart_before_anything_else_is_said() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let mut talk = Talk::new(ours, &options(Duration::from_secs(5)), Lent::default());
    let lost = std::thread::scope(|scope| {
        scope.spawn(move || {
            let channel = Channel::new(theirs);
            let greeted = channel.receive::<Hello>(None).unwrap().message;
            assert_eq!(greeted, Hello { protocol: PROTOCOL });
            channel.send(&Hello { protocol: 99 }, &[], None).unwrap();
            assert!(channel.receive::<ToWorker>(None).is_err(), "nothing more is said");
        });
        talk.next_call();
        let answer = talk.start(&ToWorker::Save);
        drop(talk);
        answer
    });
    let Err(Lost::Gone(why)) = lost else { panic!("it was started") };
    assert!(why.contains("version 99") && why.contains("hint: build"), "{why}");
}

/// Returns what becomes of a call that asks for two texts, in which the other side does `worker`.
fn check_select(milliseconds: u64, worker: impl FnOnce(&Channel) + Send) -> String {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let deadline = options(Duration::from_millis(milliseconds));
    let mut talk = Talk::new(ours, &deadline, Lent::default());
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let channel = Channel::new(theirs);
            channel.receive::<ToWorker>(None).unwrap();
            worker(&channel);
            // What is still said is not heard; the other side goes first.
            while channel.receive::<ToWorker>(None).is_ok() {}
        });
        talk.next_call();
        let answer = talk.select(&Serving { host: &Plain, lends: &NothingLent }, 2);
        drop(talk);
        match answer {
            Ok(answer) => format!("{:?}", answer.ids),
            Err(Lost::Gone(why)) => why,
            Err(Lost::Failed(error)) => error.message.into_string(),
        }
    })
}

fn ask(channel: &Channel, message: &FromWorker) -> Option<ToWorker> {
    channel.send(message, &[], None).ok()?;
    Some(channel.receive::<ToWorker>(None).ok()?.message)
}

fn stream() -> FromWorker {
    let (feature, options) = ("logits/1".to_owned(), "{}".to_owned());
    FromWorker::Stream { feature, options, ids: inline(&[0, 1, 2]), rows: 1 }
}

#[test]
fn a_strategy_that_talks_is_ended_at_its_deadline_too() {
    let talks: [fn() -> FromWorker; 4] = [
        || FromWorker::Progress { done: 1, total: 2 },
        || FromWorker::Progress { done: 2, total: 2 },
        || FromWorker::Log { level: 3, message: "again".to_owned() },
        || FromWorker::BlockDone(Ok(())),
    ];
    for (i, talk) in talks.iter().enumerate() {
        let expected = if i == 3 { "`BlockDone` out of turn" } else { "0.3 s of its own time" };
        let why = check_select(300, |channel| while channel.send(&talk(), &[], None).is_ok() {});
        assert!(why.contains(expected), "{why}");
    }
    let why =
        check_select(300, |channel| while ask(channel, &FromWorker::IsCancelled).is_some() {});
    assert!(why.contains("0.3 s of its own time"), "{why}");
    let fetch = || FromWorker::Fetch {
        feature: "logits/1".to_owned(),
        options: "{}".to_owned(),
        ids: inline(&[0]),
    };
    let why = check_select(300, |channel| while ask(channel, &fetch()).is_some() {});
    assert!(why.contains("0.3 s of its own time"), "{why}");
}

#[test]
fn the_blocks_of_a_stream_begin_no_new_deadline() {
    let wait = || std::thread::sleep(Duration::from_millis(200));
    let why = check_select(300, |channel| {
        while let Some(ToWorker::Streamed { .. } | ToWorker::StreamEnd(_)) = ask(channel, &stream())
        {
            wait();
            if ask(channel, &FromWorker::BlockDone(Ok(()))).is_none() {
                return;
            }
        }
    });
    assert!(why.contains("0.3 s of its own time"), "{why}");
}

#[test]
fn streams_inside_each_other_are_refused_however_many() {
    let refused = AtomicBool::new(false);
    let why = check_select(20_000, |channel| {
        assert!(matches!(ask(channel, &stream()), Some(ToWorker::Streamed { .. })));
        let nested = (0..5000).map(|_| ask(channel, &stream()));
        let all = nested.into_iter().all(|end| matches!(end, Some(ToWorker::StreamEnd(Err(_)))));
        refused.store(all, Ordering::Relaxed);
        assert!(ask(channel, &FromWorker::BlockDone(Ok(()))).is_some());
        let answer = AnswerMessage { ids: inline(&[1, 2]), scores: None };
        channel.send(&FromWorker::Answer(Ok(answer)), &[], None).unwrap();
    });
    assert!(refused.load(Ordering::Relaxed));
    assert_eq!(why, "[1, 2]");
}

#[test]
fn what_is_larger_than_it_can_be_is_an_error() {
    let send = |message: FromWorker| {
        check_select(20_000, move |channel| {
            let _gone = channel.send(&message, &[], None);
        })
    };
    let many = AnswerMessage { ids: inline(&[1; 4]), scores: None };
    let why = send(FromWorker::Answer(Ok(many)));
    assert!(why.contains("returned 4 ids or scores, but only 3 texts"), "{why}");
    let failure = Failure { code: 1, message: "E".repeat(20 << 20) };
    let why = send(FromWorker::Answer(Err(failure)));
    assert!(
        why.ends_with("(cut: it has 20971520 bytes)") && why.len() <= MAX_TEXT,
        "{}",
        why.len()
    );
    let (feature, options) = ("x".repeat(1 << 20), "{}".to_owned());
    let why = send(FromWorker::Fetch { feature, options, ids: inline(&[0]) });
    assert!(why.contains("a name of 1048576 bytes"), "{why}");
}

#[test]
fn memory_beyond_what_a_worker_may_have_is_not_read() {
    const TERABYTES: u64 = 16 << 40;
    let why = check_select(20_000, |channel| {
        let fd = rustix::fs::memfd_create("x", rustix::fs::MemfdFlags::ALLOW_SEALING).unwrap();
        for bytes in [1 << 20, TERABYTES] {
            rustix::fs::ftruncate(&fd, bytes).unwrap();
            if bytes == TERABYTES {
                let seals = rustix::fs::SealFlags::SHRINK | rustix::fs::SealFlags::GROW;
                rustix::fs::fcntl_add_seals(&fd, seals).unwrap();
            }
        }
        let (id, has_fd) = (9, true);
        let ids = Slice::Shared { id, capacity: TERABYTES, offset: 0, bytes: TERABYTES, has_fd };
        let answer = AnswerMessage { ids, scores: None };
        channel.send(&FromWorker::Answer(Ok(answer)), &[fd.as_fd()], None).unwrap();
    });
    assert!(why.contains("more than it may have"), "{why}");
}
