//! What has become durable and what was taken away again, written down at the moment when it happened: by this the laws know what
//! has to be there.

use std::collections::{BTreeMap, BTreeSet};

use tracardi_model::{Context, Event};
use tracardi_store::conformance::memory::Disk;
use tracardi_store::{Batch, Index};

use crate::configured;
use crate::journal::mark;
use crate::plan::Records;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Record {
    /// The records of the configuration, by version; the last is in force.
    pub(crate) versions: Vec<Records>,
    /// The kept events that leave marks, by mark.
    pub(crate) facts: BTreeMap<usize, Fact>,
    pub(crate) lost: Lost,
    /// Whether somebody had something sent again.
    pub(crate) replayed: bool,
}

/// An event that leaves a mark was stored.
#[derive(Debug)]
pub(crate) struct Fact {
    pub(crate) context: Context,
    /// Its id.
    pub(crate) event: String,
    /// How many were stored before it.
    pub(crate) place: usize,
    /// The configuration that was in force.
    pub(crate) version: usize,
    /// The workflows that were run.
    pub(crate) flows: usize,
}

/// What was deleted.
#[derive(Debug, Default)]
pub(crate) struct Lost {
    /// Profiles, by their own ids.
    pub(crate) profiles: BTreeSet<(Context, String)>,
    /// All ids that led to them.
    pub(crate) ids: BTreeSet<(Context, String)>,
    /// The marks on them.
    pub(crate) marks: BTreeSet<usize>,
    pub(crate) sessions: BTreeSet<(Context, String)>,
    pub(crate) events: BTreeSet<(Context, String)>,
}

impl Record {
    /// The marks of a batch that is about to be stored.
    pub(crate) fn facts(marks: &BTreeMap<(Context, String), usize>, batch: &Batch) -> Vec<(usize, Fact)> {
        let fact = |context: Context, event: &Event| {
            let mark = marks.get(&(context, event.id.clone()))?;
            let flows = event.metadata.processed_by.flows.iter().filter(|flow| *flow == configured::COUNTS).count();
            let version = configured::version(event);
            Some((*mark, Fact { context, event: event.id.clone(), place: 0, version, flows }))
        };
        batch.events.iter().filter_map(|(context, event)| fact(*context, &event.value)).collect()
    }

    /// They are stored.
    pub(crate) fn stored(&mut self, facts: Vec<(usize, Fact)>) {
        for (mark, fact) in facts {
            let place = self.facts.len();
            let before = self.facts.insert(mark, Fact { place, ..fact });
            assert!(before.is_none(), "r{mark} was stored before");
        }
    }

    /// The records that were in force for a mark.
    pub(crate) fn records(&self, fact: &Fact) -> Records {
        self.versions.get(fact.version).copied().unwrap_or_default()
    }

    /// The facts of a context in the order in which they were stored, as far as the profile was not deleted since.
    pub(crate) fn in_order(&self, context: Context) -> Vec<&Fact> {
        let there = self.facts.iter().filter(|(mark, fact)| fact.context == context && !self.lost.marks.contains(mark));
        let mut facts: Vec<&Fact> = there.map(|(_, fact)| fact).collect();
        facts.sort_by_key(|fact| fact.place);
        facts
    }

    /// A document is about to be deleted, if it is there.
    pub(crate) fn lose(&mut self, disk: &Disk, context: Context, index: Index, id: &str) {
        let tables = disk.tables(context);
        let key = (context, id.to_owned());
        match index {
            Index::Event if tables.events.contains_key(id) => drop(self.lost.events.insert(key)),
            Index::Session if tables.sessions.contains_key(id) => drop(self.lost.sessions.insert(key)),
            Index::Profile => {
                let Some(row) = tables.profiles.get(id) else { return };
                self.lost.marks.extend(row.document.value.interests.keys().filter_map(|interest| mark(interest)));
                let leads = tables.identity.iter().filter(|(_, own)| *own == id);
                self.lost.ids.extend(leads.map(|(alias, _)| (context, alias.clone())));
                self.lost.profiles.insert(key);
            }
            Index::Event | Index::Session => {}
        }
    }
}

impl Lost {
    /// Whether somebody with this id was deleted.
    pub(crate) fn is_gone(&self, context: Context, id: &str) -> bool {
        self.ids.contains(&(context, id.to_owned()))
    }

    /// Whether nothing was deleted that a visit consists of.
    pub(crate) fn is_empty(&self) -> bool {
        self.profiles.is_empty() && self.sessions.is_empty() && self.events.is_empty()
    }
}
