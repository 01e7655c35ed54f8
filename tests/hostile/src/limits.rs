//! Faults against which there are limits: of time, output, memory and processes. Only a worker of its
//! own survives most of these.

use std::hint::black_box;
use std::io::Write;
use std::process::Command;
use std::time::Duration;

use alhost_plugin_api::features::LOGITS;
use alhost_plugin_api::prelude::*;

use crate::{Fault, faults};

pub(crate) fn strain(fault: Fault, ctx: &Context<'_>) -> Result<()> {
    match fault {
        Fault::TalkProgress => loop {
            ctx.progress(1, 2);
        },
        Fault::TalkLog => loop {
            ctx.info("again");
        },
        Fault::TalkCancelled => loop {
            black_box(ctx.cancelled());
        },
        Fault::StreamSlowly => ctx.stream(LOGITS, ctx.pool(), 5, |_, _| {
            std::thread::sleep(Duration::from_millis(300));
            Ok(())
        }),
        Fault::Floods => {
            let mut out = std::io::stdout();
            let much = vec![b'x'; 1 << 20];
            (0..200).for_each(|_| drop(out.write_all(&much)));
            Ok(())
        }
        Fault::PrintsLines => {
            (0..3000).for_each(|i| println!("line {i}"));
            Ok(())
        }
        Fault::LongError => Err(Error::new("E".repeat(20 << 20))),
        Fault::Children => {
            shell("for i in 1 2 3; do (head -c 150M /dev/zero; sleep 30) | tail & done; wait")
        }
        Fault::Daemon => shell("setsid sh -c 'sleep 3; touch daemon-lived' &"),
        Fault::Secrets => {
            let environment = format!("/proc/{}/environ", std::os::unix::process::parent_id());
            let n_bytes = faults::read(&environment).len();
            ctx.warn(&format!("read {n_bytes} bytes of its parent's environment"));
            Ok(())
        }
        _ => Ok(()),
    }
}

fn shell(script: &str) -> Result<()> {
    let ran = Command::new("/bin/sh").args(["-c", script]).status();
    ran.map(drop).map_err(|error| Error::new(error.to_string()))
}
