//! The dead letters.

use bytes::Bytes;
use tracardi_redis::Link;

use super::names::Names;
use super::scripts::{self, script};
use super::{EntryId, odd};
use crate::{Buried, Chosen, LISTED, Message, MessageId, QueueError};

/// Letters that one script moves: Redis does nothing else meanwhile.
const AT_ONCE: u64 = 100;

/// An entry as Redis gives it: id, and fields by turns with their names.
type Entry = (String, (String, String, String, Vec<u8>, String, String, String, u16));

/// Letters from the oldest on.
pub(super) async fn list(link: &Link, names: &Names, start: u64, limit: u64) -> Result<Vec<Buried>, QueueError> {
    let mut list = script(scripts::LIST).on(&[names.dead()]);
    list.arg(start).arg(limit).arg(LISTED);
    let entries: Vec<Entry> = link.ask(&list).await?;
    let letters = entries.into_iter().map(|(id, (_, key, _, payload, _, reason, _, _))| {
        let at = EntryId::read(&id)?.at();
        Some(Buried { id: MessageId(id), message: Message { key, payload: Bytes::from(payload) }, reason, at })
    });
    letters.collect::<Option<_>>().ok_or_else(|| odd("a dead letter's id"))
}

/// What becomes of letters.
#[derive(Clone, Copy, Debug)]
pub(super) enum End {
    /// They go to the end of their streams, which take `longest` messages.
    Replay { longest: u64 },
    /// They are deleted.
    Discard,
}

/// Ends letters, some at a time; how many there were.
pub(super) async fn end(link: &Link, names: &Names, end: End, chosen: &Chosen, limit: u64) -> Result<u64, QueueError> {
    let mut ids = match chosen {
        // An id that is none is that of no letter.
        Chosen::Ids(ids) => Some(ids.iter().filter_map(|id| EntryId::read(&id.0)).collect::<Vec<_>>().into_iter()),
        Chosen::All => None,
    };
    let keys: Vec<&String> = [names.dead()].into_iter().chain(names.streams()).collect();
    let mut ended = 0;
    while ended < limit {
        let most = AT_ONCE.min(limit - ended);
        let mut call = script(scripts::END).on(&keys);
        match end {
            End::Replay { longest } => call.arg(longest),
            End::Discard => call.arg(-1),
        };
        call.arg(most);
        if let Some(ids) = &mut ids {
            let some: Vec<_> = ids.by_ref().take(usize::try_from(most).unwrap_or(usize::MAX)).collect();
            if some.is_empty() {
                break;
            }
            for id in some {
                call.arg(id.to_string());
            }
        }
        let (done, full): (u64, bool) = link.ask(&call).await?;
        ended += done;
        if full && ended == 0 {
            return Err(QueueError::Full("no more messages fit behind those that wait".to_owned()));
        }
        if full || (ids.is_none() && done < most) {
            break;
        }
    }
    Ok(ended)
}
