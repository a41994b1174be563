//! A look at the bytes of a body before a tree is made of it: how deep it nests, how many values it holds. It needs no
//! memory, so a hostile body costs one pass over its bytes and nothing else. What is no JSON at all is left to the parser.

use super::Limits;
use crate::field::FieldError;

/// Refuses a body that would cost more memory or stack than a request may.
pub fn check(body: &[u8], limits: &Limits) -> Result<(), Box<FieldError>> {
    let refuse = |kind, msg: String| Err(Box::new(FieldError::new(kind, vec!["body".into()], msg)));
    if body.len() > limits.body_bytes {
        return refuse("too_large", too_large(limits.body_bytes));
    }
    let mut depth = 0_usize;
    let mut values = 0_usize;
    let mut bytes = body.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => {
                values += 1;
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
                if depth > limits.depth {
                    let msg = format!("Body should nest at most {} levels of objects and lists", limits.depth);
                    return refuse("too_deep", msg);
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            // Every number, true, false and null but the last of a container is followed by a comma.
            b',' => values += 1,
            _ => {}
        }
    }
    if values > limits.values {
        let msg = format!("Body should hold at most {} keys and values; send fewer events at once", limits.values);
        return refuse("too_many_values", msg);
    }
    Ok(())
}

/// The message for a body above the limit; also for listeners that stop reading before they have the whole body.
#[must_use]
pub fn too_large(limit: usize) -> String {
    format!("Body should have at most {limit} bytes; send fewer events at once")
}
