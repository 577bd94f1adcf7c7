//! What a board knows of one message, in four bytes.

use crate::message::{Marks, State};

/// What a board knows of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Which of the message's changes was the last to be seen; 0 before the first.
    pub revision: u16,
    /// The state.
    pub state: State,
    /// What happened to it since it left.
    pub marks: Marks,
}

impl Cell {
    /// A message whose turn has not come.
    pub const NEW: Self = Self {
        revision: 0,
        state: State::Queued,
        marks: Marks {
            delivered: false,
            read: false,
            responded: false,
            closed: false,
        },
    };

    /// How many bytes a cell takes.
    pub const BYTES: usize = 4;

    /// The cell as bytes: the state's place among all, flags, and the revision.
    #[must_use]
    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        let state = State::ALL
            .iter()
            .zip(0_u8..)
            .find(|(s, _)| **s == self.state)
            .map_or(0, |(_, n)| n);
        let m = self.marks;
        let flags = [m.delivered, m.read, m.responded, m.closed]
            .into_iter()
            .zip(0_u8..)
            .fold(0_u8, |sum, (set, bit)| sum | u8::from(set) << bit);
        let [high, low] = self.revision.to_be_bytes();
        [state, flags, high, low]
    }

    /// Reads a cell back; `None` when the bytes are none.
    #[must_use]
    pub fn from_bytes([state, flags, high, low]: [u8; Self::BYTES]) -> Option<Self> {
        let set = |bit: u8| flags & 1 << bit != 0;
        Some(Self {
            revision: u16::from_be_bytes([high, low]),
            state: *State::ALL.get(usize::from(state))?,
            marks: Marks {
                delivered: set(0),
                read: set(1),
                responded: set(2),
                closed: set(3),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_survive_their_bytes() {
        for state in State::ALL {
            for flags in 0..16_u8 {
                let cell = Cell {
                    revision: 0xABCD,
                    state,
                    marks: Marks {
                        delivered: flags & 1 != 0,
                        read: flags & 2 != 0,
                        responded: flags & 4 != 0,
                        closed: flags & 8 != 0,
                    },
                };
                assert_eq!(Cell::from_bytes(cell.to_bytes()), Some(cell));
            }
        }
        assert_eq!(Cell::from_bytes([255, 0, 0, 0]), None);
    }
}
