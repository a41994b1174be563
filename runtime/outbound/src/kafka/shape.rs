//! What an answer of Kafka must look like before the codec reads it: the codec sets memory aside for as many elements as a
//! list announces, and a broker may announce two billion in twelve bytes. Pure.

/// A part of an answer, in the versions of the protocol that [`super::wire::api`] names.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    /// So many bytes: numbers and truths.
    Fixed(usize),
    /// A text behind its length (16 bits; below zero there is none).
    Text,
    /// Bytes behind their length (32 bits; below zero there are none).
    Blob,
    /// Elements of these parts behind their number (32 bits; below zero there is no list).
    List(&'static [Shape]),
}

use Shape::{Blob, Fixed, List, Text};

/// Topics, each with its partitions (number, error, offset, time, start of the log); how long to wait.
pub(super) const PRODUCED: &[Shape] = &[List(&[Text, List(&[Fixed(4 + 2 + 8 + 8 + 8)])]), Fixed(4)];
/// How long to wait; brokers (number, host, port, rack), the cluster, its controller; topics (error, name, truth), each with its
/// partitions (error, number, leader, epoch) and their three lists of replicas.
pub(super) const METADATA: &[Shape] = &[
    Fixed(4),
    List(&[Fixed(4), Text, Fixed(4), Text]),
    Text,
    Fixed(4),
    List(&[Fixed(2), Text, Fixed(1), List(&[Fixed(2 + 4 + 4 + 4), REPLICAS, REPLICAS, REPLICAS])]),
];
const REPLICAS: Shape = List(&[Fixed(4)]);
/// Error; mechanisms.
pub(super) const HANDSHAKE: &[Shape] = &[Fixed(2), List(&[Text])];
/// Error, what it says; what the mechanism says.
pub(super) const AUTHENTICATED: &[Shape] = &[Fixed(2), Text, Blob];

/// Whether the bytes hold all that they announce. What follows after it is nobody's concern.
pub(super) fn fits(shape: &[Shape], bytes: &[u8]) -> bool {
    walk(shape, &mut &bytes[..]).is_some()
}

/// Takes the parts off the bytes; None when these end before. Each element of a list has a byte at least, so no list is walked
/// for longer than there are bytes.
fn walk(shape: &[Shape], bytes: &mut &[u8]) -> Option<()> {
    for part in shape {
        match part {
            Fixed(length) => skip(bytes, *length)?,
            Text => {
                let length = i16::from_be_bytes(*bytes.split_off(..2)?.first_chunk()?);
                skip(bytes, usize::try_from(length).unwrap_or_default())?;
            }
            Blob => {
                let length = number(bytes)?;
                skip(bytes, length)?;
            }
            List(element) => {
                for _ in 0..number(bytes)? {
                    walk(element, bytes)?;
                }
            }
        }
    }
    Some(())
}

fn skip(bytes: &mut &[u8], length: usize) -> Option<()> {
    bytes.split_off(..length).map(|_| ())
}

/// A length of 32 bits; none and zero are the same here.
fn number(bytes: &mut &[u8]) -> Option<usize> {
    let length = i32::from_be_bytes(*bytes.split_off(..4)?.first_chunk()?);
    Some(usize::try_from(length).unwrap_or_default())
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Any answer of a shape, as bytes.
    pub(in super::super) fn answers(shape: &'static [Shape]) -> BoxedStrategy<Vec<u8>> {
        let parts: Vec<BoxedStrategy<Vec<u8>>> = shape.iter().map(|part| any_part(*part)).collect();
        parts.prop_map(|parts| parts.concat()).boxed()
    }

    fn any_part(part: Shape) -> BoxedStrategy<Vec<u8>> {
        let behind = |length: &[u8], bytes: &[u8]| [length, bytes].concat();
        match part {
            Fixed(length) => prop::collection::vec(any::<u8>(), length).boxed(),
            Text => "[a-z.ü]{0,9}"
                .prop_map(move |text| behind(&i16::try_from(text.len()).unwrap().to_be_bytes(), text.as_bytes()))
                .boxed(),
            Blob => prop::collection::vec(any::<u8>(), 0..9)
                .prop_map(move |bytes| behind(&i32::try_from(bytes.len()).unwrap().to_be_bytes(), &bytes))
                .boxed(),
            List(element) => prop::collection::vec(answers(element), 0..4)
                .prop_map(move |list| behind(&i32::try_from(list.len()).unwrap().to_be_bytes(), &list.concat()))
                .boxed(),
        }
    }

    #[test]
    fn what_announces_more_than_it_holds_does_not_fit() {
        let billions = [0x7f, 0xff, 0xff, 0xff];
        for shape in [PRODUCED, METADATA, HANDSHAKE, AUTHENTICATED] {
            assert!(!fits(shape, &[]) && !fits(shape, &[0]), "{shape:?}");
        }
        assert!(!fits(PRODUCED, &billions));
        assert!(!fits(METADATA, &[&[0; 4][..], &billions, &[0; 100]].concat()));
        assert!(!fits(HANDSHAKE, &[&[0; 2][..], &billions, &[0; 100]].concat()));
        assert!(!fits(AUTHENTICATED, &[&[0; 4][..], &billions, &[0; 100]].concat()));
        assert!(fits(PRODUCED, &[0; 8]));
        assert!(fits(HANDSHAKE, &[0, 0, 0, 0, 0, 1, 0, 1, b'x', b'y']), "what follows is nobody's concern");
        assert!(fits(AUTHENTICATED, &[0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), "neither text nor bytes");
    }
}
