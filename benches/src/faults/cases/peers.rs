//! Others on the same hub, and a second session of the same logging host.

use spread::Name;

use super::super::FaultError;
use super::super::farm::{GROUP, Plan};
use super::super::oracle::{LIAR, STRANGER};
use super::super::peer::{Peer, name};
use super::super::run::Run;
use super::Case;

/// As Apache::Log::Spread does: each line a message, mess_type 1 always, no number.
pub(super) const STRANGERS: Case = Case {
    name: "strangers",
    about: "unnumbered lines of strangers (mess_type 1) are in every file once, beside ours",
    plan: Plan::PLAIN,
    story: |run| {
        run.allowed.identical = true;
        let mut stranger = Peer::connect(&run.farm.hub_address(0), Some("stranger"))?;
        let group = [name(GROUP)];
        for _ in 0..run.scale.times(200) {
            run.serve_for(std::time::Duration::from_millis(100))?;
            for _ in 0..10 {
                let line = format!("{STRANGER}{}\n", run.strangers);
                stranger.send(&group, 1, line)?;
                run.strangers += 1;
            }
        }
        stranger.await_echo()
    },
};

/// Each block has a session and a file of its own, and each file has each line once.
pub(super) const TWO_BLOCKS: Case = Case {
    name: "two-blocks",
    about: "two Spread blocks of one logging host on one farm, with a restart of the hub",
    plan: Plan {
        blocks: 2,
        ..Plan::PLAIN
    },
    story: |run| {
        run.serve(10)?;
        run.farm.kill_hub(0)?;
        run.serve(5)?;
        run.farm.start_hub(0)?;
        run.serve(20)
    },
};

/// Whoever reaches a daemon can write lines; nobody can take any away, or end a program.
pub(super) const LIARS: Case = Case {
    name: "liars",
    about: "garbage and forged JSON to the control group and to publishers, absurd numbers",
    plan: Plan::PLAIN,
    story: |run| {
        let hub = run.farm.hub_address(0);
        for _ in 0..run.scale.times(10) {
            lie(run, &hub)?;
            run.serve(2)?;
        }
        Ok(())
    },
};

/// One sitting: listens to the control messages until it knows a publisher, then lies to all.
fn lie(run: &Run<'_>, hub: &str) -> Result<(), FaultError> {
    let control = format!("{GROUP}.ctl");
    // Named as publishers are, so that it is numbered; the hub made sure that nobody else is.
    let mut liar = Peer::connect(hub, Some("Lliarliar0"))?;
    liar.join(&control)?;
    let (victim, truth, instance) = hear_of_a_publisher(&mut liar)?;
    run.say(&format!("a liar has heard of {victim}: {truth}"));
    let own = liar.private_group();

    // What a publisher would say, of the victim and of itself.
    let far = u64::MAX;
    for forged in [
        truth,
        format!(
            "{{\"v\":1,\"instance\":\"{instance}\",\"group\":\"{GROUP}\",\"next\":{far},\"retained\":{far}}}"
        ),
        format!(
            "{{\"v\":1,\"instance\":\"liarliar\",\"group\":\"{GROUP}\",\"next\":{far},\"retained\":1}}"
        ),
        format!(
            "{{\"v\":1,\"instance\":\"liarliar\",\"group\":\"{GROUP}\",\"next\":1,\"retained\":{far}}}"
        ),
        format!("{{\"v\":2,\"instance\":\"{instance}\"}}"),
        "{\"v\":1}".to_owned(),
        "[".repeat(8_000),
        "{\"v\":".repeat(1_500),
        "\0\u{1}\u{7f}garbage".to_owned(),
        String::new(),
        "x".repeat(60_000),
    ] {
        liar.send(&[name(&control), own], 0, forged.clone())?;
        liar.send(&[name(&control)], 0, forged.clone())?;
        // And to the publisher itself, who takes other messages there.
        liar.send(&[victim], 0, forged)?;
    }
    // What a logging host would say: that it has all, wants all, or is gone.
    for forged in [
        format!(
            "{{\"v\":1,\"host_id\":\"0123456789abcdef\",\"ack\":{{\"{GROUP}\":[\"{instance}\",{far}]}}}}"
        ),
        format!(
            "{{\"v\":1,\"host_id\":\"0123456789abcdef\",\"need\":{{\"{GROUP}\":[\"{instance}\",[[1,{far}]]]}}}}"
        ),
        format!(
            "{{\"v\":1,\"host_id\":\"0123456789abcdef\",\"need\":{{\"{GROUP}\":[\"{instance}\",[[{far},1],[0,0]]]}}}}"
        ),
        "{\"v\":1,\"host_id\":\"0123456789abcdef\",\"bye\":true}".to_owned(),
        "{\"v\":1,\"host_id\":\"\",\"bye\":true}".to_owned(),
    ] {
        liar.send(&[victim], 0, forged)?;
    }
    for (address, text) in [
        ("+18446744073709551615", "the last number"),
        ("+18446744073709551616", "no number"),
        ("+0", "none"),
        ("+1", "one"),
        ("+1", "one again"),
        ("+1000001000", "far"),
        ("+", "nothing"),
        ("+-1", "negative"),
    ] {
        let line = format!("{LIAR}{text}\n");
        liar.send(&[name(GROUP), name(address)], 0, line)?;
    }
    liar.await_echo()
}

/// A publisher's private group, what it says of itself, and its instance. Logging hosts, which take
/// the liar for a publisher, write to it too.
fn hear_of_a_publisher(liar: &mut Peer) -> Result<(Name, String, String), FaultError> {
    loop {
        let (sender, body) = liar.receive()?;
        let said: Option<serde_json::Value> = serde_json::from_slice(&body).ok();
        let instance = said
            .as_ref()
            .and_then(|said| said.get("instance")?.as_str());
        if let Some(instance) = instance {
            let text = String::from_utf8_lossy(&body).into_owned();
            return Ok((sender, text, instance.to_owned()));
        }
    }
}
