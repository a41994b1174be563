//! Removes all keys that begin alike.

use crate::{Failure, Link};

/// How many keys the server looks at in one step.
const STEP: usize = 1000;

/// Removes the keys that begin with this text; how many there were. The server looks through all that it has, in small steps, and
/// serves others in between. Keys that are made meanwhile may stay.
pub async fn remove(link: &Link, beginning: &str) -> Result<u64, Failure> {
    let pattern = format!("{}*", literal(beginning));
    let (mut cursor, mut removed) = (0_u64, 0);
    loop {
        let mut scan = redis::cmd("SCAN");
        scan.arg(cursor).arg("MATCH").arg(&pattern).arg("COUNT").arg(STEP);
        let (next, keys): (u64, Vec<Vec<u8>>) = link.ask(&scan).await?;
        if !keys.is_empty() {
            removed += link.ask::<u64>(redis::cmd("UNLINK").arg(keys)).await?;
        }
        cursor = next;
        if cursor == 0 {
            return Ok(removed);
        }
    }
}

/// A pattern that fits this text alone.
fn literal(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for letter in text.chars() {
        if ['*', '?', '[', ']', '\\'].contains(&letter) {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tracardi_process::Endpoint;
    use tracardi_servers::Kind;

    use super::*;
    use crate::Server;

    #[tokio::test]
    async fn keys_that_begin_alike_are_removed_and_no_others() {
        let redis = Kind::Redis.start().unwrap();
        let server = Server::at(&Endpoint::new(format!("redis://{}", redis.address()))).unwrap();
        let link = Link::new(server, &[], Duration::from_secs(5));
        let mut fill = redis::pipe();
        for number in 0..5_000 {
            fill.cmd("SET").arg(format!("p:{{a*:{number}}}")).arg(1).ignore();
            fill.cmd("SET").arg(format!("p:{{ab:{number}}}")).arg(1).ignore();
        }
        link.ask_all::<()>(&fill).await.unwrap();
        assert_eq!(remove(&link, "p:{a*:").await.unwrap(), 5_000);
        assert_eq!(remove(&link, "p:{a*:").await.unwrap(), 0);
        assert_eq!(link.ask::<u64>(&redis::cmd("DBSIZE")).await.unwrap(), 5_000);
    }
}
