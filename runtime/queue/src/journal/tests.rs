use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;
use tracardi_process::SystemClock;

use super::*;
use crate::conformance::{self, BRIEF, figures, message, send, settle, take, texts};

fn journal(directory: &Path, tenant: &str, settings: Settings) -> Result<Journal, QueueError> {
    Journal::open(directory, &tenant.parse().unwrap(), "commands", settings, SystemClock::shared(), Supervisor::new())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conforms() {
    let directory = tempfile::tempdir().unwrap();
    let open = |tenant, settings| journal(directory.path(), tenant, settings).unwrap();
    let small = Settings { segment: 4096, largest: 100_000, ..Settings::default() };
    conformance::all(&open("one", small.clone())).await;
    conformance::tenants(&open("one", small.clone()), &open("two", small)).await;
    conformance::bounded(&open("three", Settings { bytes: 1000, ..Settings::default() }), 30).await;
    let again = open("one", Settings::default());
    assert_eq!(figures(&again).await, (0, 0), "what is acknowledged stays so");
}

#[tokio::test]
async fn one_process_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let first = journal(directory.path(), "one", Settings::default()).unwrap();
    let refusal = journal(directory.path(), "one", Settings::default()).unwrap_err();
    assert!(matches!(&refusal, QueueError::Refused(told) if told.contains("in use")), "{refusal}");
    assert!(journal(directory.path(), "two", Settings::default()).is_ok());
    drop(first);
    assert!(journal(directory.path(), "one", Settings::default()).is_ok());
    for name in ["", "../x", "a/b", "A"] {
        let opened = Journal::open(
            directory.path(),
            &Tenant::only(),
            name,
            Settings::default(),
            SystemClock::shared(),
            Supervisor::new(),
        );
        assert!(matches!(opened, Err(QueueError::Refused(_))), "{name}");
    }
}

fn segments(directory: &Path) -> Vec<std::path::PathBuf> {
    let mut paths: Vec<_> = std::fs::read_dir(directory.join("one/commands"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|it| it == "journal"))
        .collect();
    paths.sort();
    paths
}

#[tokio::test]
async fn damage_costs_what_is_damaged_and_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let settings = Settings { segment: 300, ..Settings::default() };
    let queue = journal(directory.path(), "one", settings.clone()).unwrap();
    for number in 0..30 {
        send(&queue, [message("key", &format!("message {number}"))]).await;
    }
    drop(queue);
    let paths = segments(directory.path());
    assert!(paths.len() > 3);
    let mut bytes = std::fs::read(&paths[1]).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&paths[1], bytes).unwrap();
    let open = || journal(directory.path(), "one", settings.clone()).unwrap();
    let queue = open();
    let buried = queue.buried(0, 10).await.unwrap();
    assert_eq!(buried.len(), 1);
    assert!(buried[0].reason.contains("damaged") && buried[0].message.payload.len() > 20, "{buried:?}");
    assert_eq!(figures(&queue).await, (29, 1));
    drop(queue);
    let queue = open();
    assert_eq!(figures(&queue).await, (29, 1), "once");
    let mut consumer = queue.consumer("one").await.unwrap();
    let received = texts(&settle(&mut *consumer, 29).await);
    let numbers: Vec<u32> = received.iter().map(|text| text.rsplit(' ').next().unwrap().parse().unwrap()).collect();
    assert!(numbers.is_sorted(), "{numbers:?}");
    assert_eq!(queue.discard(&Chosen::All, 10).await.unwrap(), 1);
}

/// One message that nobody acknowledges and a dead letter do not keep all that comes after them.
#[tokio::test]
async fn files_stay_small() {
    let directory = tempfile::tempdir().unwrap();
    let settings = Settings { segment: 10_000, ..Settings::default() };
    let queue = journal(directory.path(), "one", settings.clone()).unwrap();
    let mut consumer = queue.consumer("one").await.unwrap();
    send(&queue, [message("stuck", "stuck"), message("stuck", "dead")]).await;
    let held = take(&mut *consumer, 2).await;
    consumer.bury(&held[1], "a test").await.unwrap();
    let text = "x".repeat(1000);
    for number in 0..200 {
        send(&queue, (0..5).map(|key| message(&format!("{number} {key}"), &text))).await;
        settle(&mut *consumer, 5).await;
        assert!(queue.0.core().bytes() < 60_000, "{}", queue.0.core().bytes());
    }
    assert_eq!(figures(&queue).await, (1, 1));
    drop((consumer, queue));
    let queue = journal(directory.path(), "one", settings).unwrap();
    assert_eq!(texts(&take(&mut *queue.consumer("next").await.unwrap(), 1).await), ["stuck"]);
    assert_eq!(queue.buried(0, 9).await.unwrap()[0].message, message("stuck", "dead"));
}

/// A small file system of its own; none without root.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let mut mount = std::process::Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(directory.path()).stderr(std::process::Stdio::null());
        mount.status().is_ok_and(|status| status.success()).then_some(Self(directory))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[tokio::test]
async fn a_full_disk_takes_nothing_and_passes() {
    let Some(disk) = SmallDisk::mount() else {
        println!("NOT RUN: needs root, to mount a file system of 1 MB");
        return;
    };
    let ballast = disk.0.path().join("ballast");
    std::fs::write(&ballast, vec![0_u8; 300_000]).unwrap();
    let queue = journal(disk.0.path(), "one", Settings { segment: 50_000, ..Settings::default() }).unwrap();
    let producer = queue.producer().await.unwrap();
    let text = "x".repeat(10_000);
    let mut taken = 0;
    let refusal = loop {
        match producer.send(message(&taken.to_string(), &text)).await {
            Ok(()) => taken += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(&refusal, QueueError::Full(told) if told.contains("room")), "{refusal}");
    assert!(taken > 10);
    std::fs::remove_file(&ballast).unwrap();
    producer.send(message("after", "room again")).await.unwrap();
    drop((producer, queue));
    let queue = journal(disk.0.path(), "one", Settings::default()).unwrap();
    let mut consumer = queue.consumer("one").await.unwrap();
    assert_eq!(settle(&mut *consumer, taken + 1).await.len(), taken + 1);
    assert!(consumer.receive(BRIEF).await.unwrap().is_empty());
}

/// What a random history does.
#[derive(Clone, Debug)]
enum Step {
    Send(Vec<(u8, u16)>),
    /// Receives so many and acknowledges the part whose bit is set, buries the other.
    Work(usize, u8),
    Replay,
    Discard,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => proptest::collection::vec((0_u8..5, 0_u16..300), 1..6).prop_map(Step::Send),
        3 => (1_usize..8, any::<u8>()).prop_map(|(number, bits)| Step::Work(number, bits | 0x55)),
        1 => Just(Step::Replay),
        1 => Just(Step::Discard),
    ];
    proptest::collection::vec(step, 1..25)
}

/// What waits of each key in order, and what is dead.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Model {
    waiting: BTreeMap<String, Vec<String>>,
    dead: Vec<String>,
}

fn all_of(core: &Core) -> Model {
    let consumer = core.consumer();
    let mut model = Model::default();
    for it in core.give(consumer, 0, usize::MAX, usize::MAX) {
        let text = String::from_utf8(it.message.payload.to_vec()).unwrap();
        model.waiting.entry(it.message.key).or_default().push(text);
    }
    core.release(consumer);
    model.dead =
        core.buried(0, usize::MAX).iter().map(|it| String::from_utf8(it.message.payload.to_vec()).unwrap()).collect();
    model.dead.sort();
    model
}

fn open(directory: &Path) -> Core {
    let settings = Settings { segment: 700, ..Settings::default() };
    Core::open(directory, settings, SystemClock::shared()).unwrap()
}

fn carry_out(core: &Core, step: &Step, counter: &mut u32) {
    let orders = match step {
        Step::Send(messages) => messages
            .iter()
            .map(|(key, length)| {
                *counter += 1;
                Order::Send(message(
                    &format!("key {key}"),
                    &format!("{counter:06}{}", "x".repeat(usize::from(*length))),
                ))
            })
            .collect(),
        Step::Work(number, bits) => {
            let consumer = core.consumer();
            let received = core.give(consumer, 0, *number, usize::MAX);
            core.release(consumer);
            let numbers = received.iter().map(|it| it.id.0.parse::<u64>().unwrap()).enumerate();
            let (done, dead): (Vec<_>, Vec<_>) = numbers.partition(|(place, _)| bits >> (place % 8) & 1 == 1);
            let bury = |(_, number)| Order::Bury { number, reason: "random".to_owned() };
            let done = Order::Done(done.into_iter().map(|it| it.1).collect());
            dead.into_iter().map(bury).chain([done]).collect()
        }
        Step::Replay => vec![Order::Replay(core.oldest_dead(2))],
        Step::Discard => vec![Order::Discard(core.oldest_dead(1))],
    };
    assert!(core.write(orders).iter().all(Result::is_ok));
}

fn copied(from: &Path) -> tempfile::TempDir {
    let to = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, to.path().join(path.file_name().unwrap())).unwrap();
    }
    to
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    /// A crash cuts the newest segment at any byte behind what was synced: all that was answered before the last step is there, of
    /// the last step a beginning, and nothing else.
    #[test]
    fn a_crash_loses_nothing_that_was_answered(steps in steps(), cut: proptest::sample::Index) {
        let directory = tempfile::tempdir().unwrap();
        let core = open(directory.path());
        let mut counter = 0;
        for step in &steps {
            let (before, (first, _, begin)) = (all_of(&core), core.extent());
            let segments = core.extent().1;
            carry_out(&core, step, &mut counter);
            let (after, (oldest, newest, end)) = (all_of(&core), core.extent());
            if (oldest, newest) != (first, segments) {
                // More was synced than the step itself: there is no one place behind which a crash may cut.
                continue;
            }
            let crashed = copied(directory.path());
            let length = begin + cut.index(usize::try_from(end - begin).unwrap() + 1) as u64;
            let path = crashed.path().join(format!("{newest:020}.journal"));
            std::fs::OpenOptions::new().write(true).open(path).unwrap().set_len(length).unwrap();
            let found = all_of(&open(crashed.path()));
            if length == end {
                prop_assert_eq!(&found, &after);
            } else if length == begin {
                prop_assert_eq!(&found, &before);
            } else if let Step::Send(_) = step {
                prop_assert_eq!(&found.dead, &before.dead);
                for (key, texts) in &found.waiting {
                    let (old, new) = (before.waiting.get(key).cloned().unwrap_or_default(), &after.waiting[key]);
                    prop_assert!(texts.starts_with(&old) && new.starts_with(texts), "{}: {:?}", key, texts);
                }
                prop_assert!(before.waiting.keys().all(|key| found.waiting.contains_key(key)));
            }
        }
        let last = all_of(&core);
        drop(core);
        prop_assert_eq!(all_of(&open(directory.path())), last, "opened again");
    }
}
