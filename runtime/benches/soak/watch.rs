//! The processes, looked at again and again: memory, open files, what waits.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use crate::Wanted;
use crate::check::Checker;
use crate::figures::{count, fit};
use crate::installation::Installation;
use crate::load::{memory, open_files};
use crate::plot::{Line, Picture};
use crate::visits::Visitors;

type Points = Vec<(f64, f64)>;

/// Everything that was seen, by minutes.
#[derive(Debug)]
pub(crate) struct Watch {
    began: Instant,
    /// Of each service MiB and open files.
    memory: BTreeMap<&'static str, Points>,
    files: BTreeMap<&'static str, Points>,
    accepted: Points,
    waiting: Points,
    /// The processes that are expected to live.
    alive: BTreeMap<&'static str, u32>,
    broken: BTreeMap<String, f64>,
}

impl Watch {
    pub(crate) fn new(installation: &mut Installation) -> Self {
        let services = installation.services();
        let all = || services.iter().map(|(name, _)| (*name, Vec::new())).collect();
        Self {
            began: Instant::now(),
            memory: all(),
            files: all(),
            accepted: Vec::new(),
            waiting: Vec::new(),
            alive: BTreeMap::new(),
            broken: BTreeMap::new(),
        }
    }

    fn minutes(&self) -> f64 {
        self.began.elapsed().as_secs_f64() / 60.0
    }

    /// Looks at everything, and notes what is not as it should be.
    pub(crate) async fn look(&mut self, installation: &mut Installation, visitors: &Visitors, wanted: &Wanted) {
        let now = self.minutes();
        for (name, pid) in installation.services() {
            let expected = self.alive.get(name).copied();
            if expected.is_some() && expected != pid {
                self.note(format!("{name} has ended by itself"), 1.0);
            }
            let Some((pid, files)) = pid.and_then(|pid| Some((pid, count(open_files(pid)? as u64)))) else { continue };
            self.alive.insert(name, pid);
            let resident = memory(pid, "VmRSS");
            if resident > wanted.memory {
                self.note(format!("MiB of memory that {name} takes, more than {:.0}", wanted.memory), resident);
            }
            if files > wanted.files {
                self.note(format!("files that {name} has open, more than {:.0}", wanted.files), files);
            }
            self.memory.entry(name).or_default().push((now, resident));
            self.files.entry(name).or_default().push((now, files));
        }
        self.accepted.push((now, count(visitors.accepted())));
        self.waiting.extend(installation.waiting().await.map(|waiting| (now, count(waiting))));
    }

    fn note(&mut self, problem: String, figure: f64) {
        let most = self.broken.entry(problem).or_default();
        *most = most.max(figure);
    }

    /// Others may have the services' names from now on: a fault was mended.
    pub(crate) fn forgive(&mut self) {
        self.alive.clear();
    }

    /// Where it stands.
    pub(crate) fn line(&self, visitors: &Visitors, checker: &Checker) -> String {
        let last = |points: &Points| points.last().map_or(0.0, |point| point.1);
        let memory: Vec<String> =
            self.memory.iter().map(|(name, points)| format!("{name} {:.0}", last(points))).collect();
        format!(
            "{:>7.0} s  {} acknowledged, {} found again, {:.0} wait, {} repeated; MiB: {}",
            self.began.elapsed().as_secs_f64(),
            visitors.accepted(),
            checker.checked(),
            last(&self.waiting),
            visitors.repeated(),
            memory.join(", ")
        )
    }

    /// What is not as it should be, at the end.
    pub(crate) async fn broken(&self, installation: &mut Installation) -> Vec<String> {
        let mut all: Vec<String> =
            self.broken.iter().map(|(problem, figure)| format!("{problem}: {figure:.0}")).collect();
        let buried = installation.buried().await;
        if buried > 0 {
            all.push(format!("{buried} requests are dead letters"));
        }
        all
    }

    /// Prints how memory and files have grown in the second half of the time; the first half is for caches to fill.
    pub(crate) fn growth(&self) {
        println!("{:>12} {:>14} {:>12} {:>14} {:>14}", "", "MiB, first", "MiB, last", "MiB an hour", "files, last");
        for (name, points) in &self.memory {
            let half = &points[points.len() / 2..];
            let (Some(first), Some(last)) = (points.first(), points.last()) else { continue };
            let hours: Points = half.iter().map(|(minutes, mib)| (minutes / 60.0, *mib)).collect();
            let slope = if hours.len() < 3 { f64::NAN } else { fit(&hours).0 };
            let files = self.files[name].last().map_or(0.0, |point| point.1);
            println!("{name:>12} {:>14.1} {:>12.1} {slope:>14.1} {files:>14.0}", first.1, last.1);
        }
    }

    /// Writes the pictures.
    pub(crate) fn draw(&self, directory: &Path) {
        let lines = |all: &BTreeMap<&'static str, Points>| {
            all.iter().map(|(name, points)| Line { name, points: points.clone() }).collect()
        };
        let x = "minutes";
        Picture { title: "Resident memory of the services", x, y: "MiB", lines: lines(&self.memory) }
            .write_course(directory, "soak-memory");
        Picture { title: "Open files of the services", x, y: "files", lines: lines(&self.files) }
            .write_course(directory, "soak-files");
        let lines = vec![
            Line { name: "acknowledged so far", points: self.accepted.clone() },
            Line { name: "waiting in the queue", points: self.waiting.clone() },
        ];
        Picture { title: "Requests", x, y: "requests", lines }.write_course(directory, "soak-requests");
    }
}
