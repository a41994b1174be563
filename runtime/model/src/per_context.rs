//! Things that exist once for production and once for staging.

use std::ops::{Index, IndexMut};

use crate::Context;

/// A value for each context; keys of one are nothing to the other.
#[derive(Clone, Debug, Default)]
pub struct PerContext<T> {
    production: T,
    staging: T,
}

impl<T> PerContext<T> {
    /// These two.
    pub const fn new(production: T, staging: T) -> Self {
        Self { production, staging }
    }

    /// Both values, production's first.
    pub fn drain(self) -> [(Context, T); 2] {
        [(Context::Production, self.production), (Context::Staging, self.staging)]
    }
}

impl<T> Index<Context> for PerContext<T> {
    type Output = T;

    fn index(&self, context: Context) -> &T {
        match context {
            Context::Production => &self.production,
            Context::Staging => &self.staging,
        }
    }
}

impl<T> IndexMut<Context> for PerContext<T> {
    fn index_mut(&mut self, context: Context) -> &mut T {
        match context {
            Context::Production => &mut self.production,
            Context::Staging => &mut self.staging,
        }
    }
}
