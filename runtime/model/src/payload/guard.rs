//! A look at the bytes of a body before a tree is made of it: how deep it nests, how many values it holds, how much memory
//! the tree will take. It needs no memory itself, so a hostile body costs one pass over its bytes and nothing else. What is
//! no JSON at all is left to the parser.

use super::Limits;
use crate::field::FieldError;
use crate::weight;

/// Refuses a body that would cost more memory or stack than a request may. Gives the bytes of memory that the tree of an
/// accepted body takes at most, its texts included: a text of 8 bytes such as `{"a":1},` makes 600 of them.
pub fn check(body: &[u8], limits: &Limits) -> Result<usize, Box<FieldError>> {
    let refuse = |kind, msg: String| Err(Box::new(FieldError::new(kind, vec!["body".into()], msg)));
    if body.len() > limits.body_bytes {
        return refuse("too_large", too_large(limits.body_bytes));
    }
    let mut depth = 0_usize;
    let mut values = 0_usize;
    let mut tree = body.len() + weight::SLOT;
    // The open containers as bits, the innermost lowest: 1 for a list. Deeper than 64 they are taken for objects.
    let mut lists = 0_u64;
    let mut opened = false;
    let mut bytes = body.iter();
    while let Some(byte) = bytes.next() {
        let just_opened = std::mem::take(&mut opened);
        match byte {
            b'"' => {
                values += 1;
                tree += weight::TEXT;
                while let Some(byte) = bytes.next() {
                    match byte {
                        b'\\' => {
                            bytes.next();
                        }
                        b'"' => break,
                        _ => {}
                    }
                }
            }
            b'[' | b'{' => {
                depth += 1;
                values += 1;
                opened = true;
                lists = lists << 1 | u64::from(*byte == b'[');
                tree += first_room(lists);
                if depth > limits.depth {
                    let msg = format!("Body should nest at most {} levels of objects and lists", limits.depth);
                    return refuse("too_deep", msg);
                }
            }
            b']' | b'}' => {
                depth = depth.saturating_sub(1);
                if just_opened {
                    // An empty container has no room for anything.
                    tree -= first_room(lists);
                }
                lists >>= 1;
            }
            // Every number, true, false and null but the last of a container is followed by a comma.
            b',' => {
                values += 1;
                // Containers grow by doubling: each further element costs its own place and a free one.
                tree += 2 * if lists & 1 == 1 { weight::SLOT } else { weight::ENTRY };
            }
            _ => {}
        }
    }
    if values > limits.values {
        let msg = format!("Body should hold at most {} keys and values; send fewer events at once", limits.values);
        return refuse("too_many_values", msg);
    }
    Ok(tree)
}

/// What the innermost container takes as soon as it holds something: lists and objects begin with room for four.
const fn first_room(lists: u64) -> usize {
    4 * if lists & 1 == 1 { weight::SLOT } else { weight::ENTRY }
}

/// The message for a body above the limit; also for listeners that stop reading before they have the whole body.
#[must_use]
pub fn too_large(limit: usize) -> String {
    format!("Body should have at most {limit} bytes; send fewer events at once")
}
