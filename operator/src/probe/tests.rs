//! Who looks when, with a server of which the tests say what it answers. What real servers say is tested where they are looked at.

use std::collections::HashMap;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::*;

/// What the server does when it is looked at.
#[derive(Clone)]
enum Answer {
    Fine(&'static str),
    Broken(&'static str),
    Silent,
}

/// Looks at it: when, and at which URL; and what is answered, from which look on.
#[derive(Default)]
struct Server {
    looks: Mutex<Vec<(Instant, String)>>,
    answers: Mutex<HashMap<usize, Answer>>,
}

impl Server {
    fn answer(&self, from: usize, answer: Answer) {
        self.answers.lock().unwrap().insert(from, answer);
    }

    fn looked(self: &Arc<Self>, target: &Target) -> BoxFuture<'static, Result<Sighting, String>> {
        let Target::Redis { endpoint, .. } = target else { panic!("{target:?}") };
        let mut looks = self.looks.lock().unwrap();
        let answers = self.answers.lock().unwrap();
        let answer = (0..=looks.len()).rev().find_map(|number| answers.get(&number).cloned());
        looks.push((Instant::now(), endpoint.url.clone()));
        Box::pin(async move {
            match answer.unwrap_or(Answer::Fine("7.0")) {
                Answer::Fine(version) => Ok(seen(version)),
                Answer::Broken(why) => Err(why.to_owned()),
                Answer::Silent => std::future::pending().await,
            }
        })
    }

    /// Milliseconds between the looks so far.
    fn pauses(&self) -> Vec<u128> {
        let looks = self.looks.lock().unwrap();
        looks.windows(2).map(|two| (two[1].0 - two[0].0).as_millis()).collect()
    }

    fn number(&self) -> usize {
        self.looks.lock().unwrap().len()
    }
}

fn seen(version: &str) -> Sighting {
    Sighting { product: "Redis".to_owned(), version: version.to_owned(), warnings: Vec::new() }
}

fn at(url: &str) -> Target {
    Target::Redis { endpoint: Endpoint::new(url), queue: false }
}

struct House {
    prober: Prober,
    server: Arc<Server>,
    news: UnboundedReceiver<Trigger>,
    supervisor: Supervisor,
    figures: tracardi_process::Metrics,
}

impl House {
    fn new() -> Self {
        let (server, supervisor, figures) =
            (Arc::new(Server::default()), Supervisor::new(), tracardi_process::Metrics::new());
        let metrics = Metrics::default();
        metrics.register(&figures);
        let (sender, news) = unbounded_channel();
        let asked = server.clone();
        let prober = Prober::with(Box::new(move |target| asked.looked(&target)), supervisor.clone(), sender, metrics);
        Self { prober, server, news, supervisor, figures }
    }

    fn of() -> Trigger {
        Trigger::new("demo").within("shop")
    }

    fn facts(&self, url: &str) -> Vec<Fact> {
        self.prober.facts(&Self::of(), "uid", &[at(url)])
    }

    fn fact(&self, url: &str) -> Result<Sighting, String> {
        let [fact] = self.facts(url).try_into().unwrap();
        assert_eq!(fact.dependency, Dependency::Redis);
        match (fact.seen, fact.trouble) {
            (Some(seen), None) => Ok(seen),
            (None, Some(trouble)) => Err(trouble),
            both => panic!("{both:?}"),
        }
    }

    /// How often something new was told since the last time.
    fn told(&mut self) -> usize {
        std::iter::from_fn(|| self.news.try_recv().ok()).inspect(|of| assert_eq!(*of, Self::of())).count()
    }

    fn figure(&self, name: &str) -> Option<String> {
        let begin =
            format!("tracardi_operator_{name}{{namespace=\"shop\",installation=\"demo\",dependency=\"redis\"}} ");
        let text = self.figures.encode().unwrap();
        text.lines().find_map(|line| line.strip_prefix(&begin)).map(str::to_owned)
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_known_is_told_without_waiting() {
    let mut house = House::new();
    house.server.answer(0, Answer::Silent);
    let began = Instant::now();
    assert_eq!(house.facts("redis://a"), []);
    assert_eq!(house.news.recv().await, Some(House::of()));
    assert_eq!(began.elapsed(), LOOK * FAILED + BLIP * (FAILED - 1));
    let trouble = house.fact("redis://a").unwrap_err();
    assert_eq!(trouble, "spec.redis.external.url: redis does not answer within 5 s");
    assert_eq!(house.figure("dependency_up").as_deref(), Some("0"));
    assert_eq!(house.figure("dependency_look_seconds").as_deref(), Some("5.0"));
}

#[tokio::test(start_paused = true)]
async fn a_server_is_looked_at_every_half_minute_and_only_news_are_told() {
    let mut house = House::new();
    assert_eq!(house.facts("redis://a"), []);
    sleep(Duration::from_hours(1)).await;
    assert_eq!(house.fact("redis://a"), Ok(seen("7.0")));
    let pauses = house.server.pauses();
    assert!(pauses.iter().all(|pause| (25_000..=35_001).contains(pause)), "{pauses:?}");
    assert!(pauses.iter().any(|pause| *pause != pauses[0]), "all at the same time: {pauses:?}");
    assert_eq!(house.told(), 1);
    house.server.answer(house.server.number(), Answer::Fine("7.2"));
    sleep(Duration::from_mins(1)).await;
    assert_eq!((house.fact("redis://a"), house.told()), (Ok(seen("7.2")), 1));
    assert_eq!(house.figure("dependency_up").as_deref(), Some("1"));
}

#[tokio::test(start_paused = true)]
async fn a_blip_is_no_news() {
    let mut house = House::new();
    // Two looks in a row that are too slow.
    house.server.answer(1, Answer::Silent);
    house.server.answer(3, Answer::Fine("7.0"));
    assert_eq!(house.facts("redis://a"), []);
    sleep(Duration::from_secs(55)).await;
    assert_eq!(house.server.pauses()[1..3], [6000, 6000]);
    assert_eq!((house.fact("redis://a"), house.told()), (Ok(seen("7.0")), 1));
}

#[tokio::test(start_paused = true)]
async fn trouble_is_looked_at_sooner_and_then_less_often() {
    let mut house = House::new();
    house.server.answer(0, Answer::Broken("down"));
    assert_eq!(house.facts("redis://a"), []);
    sleep(Duration::from_millis(97_500)).await;
    assert_eq!(house.server.pauses(), [1000, 1000, 5000, 10_000, 20_000, 30_000, 30_000]);
    assert_eq!((house.fact("redis://a"), house.told()), (Err("down".to_owned()), 1));
    house.server.answer(house.server.number(), Answer::Fine("7.0"));
    sleep(Duration::from_secs(31)).await;
    assert_eq!((house.fact("redis://a"), house.told()), (Ok(seen("7.0")), 1));
    // The next trouble begins from the beginning.
    let number = house.server.number();
    house.server.answer(number, Answer::Broken("down"));
    sleep(Duration::from_secs(50)).await;
    assert_eq!(house.server.pauses()[number..number + 3], [1000, 1000, 5000]);
}

#[tokio::test(start_paused = true)]
async fn another_target_is_looked_at_at_once_and_the_old_one_no_more() {
    let house = House::new();
    assert_eq!(house.facts("redis://a"), []);
    sleep(Duration::from_secs(1)).await;
    assert!(house.fact("redis://a").is_ok());
    assert_eq!(house.facts("redis://b"), [], "nothing is known of it yet");
    sleep(Duration::from_mins(10)).await;
    assert!(house.fact("redis://b").is_ok());
    let of_a = house.server.looks.lock().unwrap().iter().filter(|(_, url)| url == "redis://a").count();
    assert_eq!(of_a, 1);
    // What is not wanted is not looked at.
    assert_eq!(house.prober.facts(&House::of(), "uid", &[]), []);
    let number = house.server.number();
    sleep(Duration::from_mins(10)).await;
    assert_eq!(house.server.number(), number);
    assert_eq!(house.figure("dependency_up"), None);
}

#[tokio::test(start_paused = true)]
async fn what_is_forgotten_is_looked_at_no_more() {
    let house = House::new();
    for forget in [|prober: &Prober| prober.forget("uid"), Prober::forget_all] {
        assert_eq!(house.facts("redis://a"), []);
        sleep(Duration::from_secs(1)).await;
        assert_eq!(house.figure("dependency_up").as_deref(), Some("1"));
        // A look is under way when it is forgotten.
        house.server.answer(house.server.number(), Answer::Silent);
        sleep(Duration::from_secs(36)).await;
        let number = house.server.number();
        forget(&house.prober);
        assert_eq!((house.figure("dependency_up"), house.figure("dependency_look_seconds")), (None, None));
        sleep(Duration::from_mins(10)).await;
        assert_eq!((house.server.number(), house.figure("dependency_up")), (number, None));
        assert_eq!(house.supervisor.running(Phase::Accept), 0);
        house.server.answer(number, Answer::Fine("7.0"));
    }
}

#[tokio::test(start_paused = true)]
async fn the_process_need_not_wait_for_a_look() {
    let house = House::new();
    house.server.answer(0, Answer::Silent);
    assert_eq!(house.facts("redis://a"), []);
    sleep(Duration::from_secs(1)).await;
    let began = Instant::now();
    assert_eq!(house.supervisor.run_until(async {}).await, Ok(()));
    assert_eq!(began.elapsed(), Duration::ZERO);
}
