//! What a list holds, cut into pieces: a copy shares all of them, and a change makes its own of one.

use std::array;
use std::sync::Arc;

use super::exact::PARTS;

/// Pieces side by side: as many in a row as there are rows, so that a change copies few.
const ROW: usize = 64;
const ROWS: usize = PARTS / ROW;

/// A piece for each part of the tokens. To copy one is to count a reference.
#[derive(Clone, Debug)]
pub(super) struct Shared<T>(Arc<[Arc<[T; ROW]>; ROWS]>);

impl<T: Clone> Shared<T> {
    /// All of them, asked for in their order.
    pub(super) fn new(mut piece: impl FnMut() -> T) -> Shared<T> {
        Shared(Arc::new(array::from_fn(|_| Arc::new(array::from_fn(|_| piece())))))
    }

    #[inline]
    pub(super) fn get(&self, number: usize) -> Option<&T> {
        self.0.get(number / ROW)?.get(number % ROW)
    }

    /// Puts another in the place of one. Copies of all this keep theirs.
    pub(super) fn set(&mut self, number: usize, piece: T) {
        let row = Arc::make_mut(&mut self.0).get_mut(number / ROW).map(Arc::make_mut);
        if let Some(place) = row.and_then(|row| row.get_mut(number % ROW)) {
            *place = piece;
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().flat_map(|row| row.iter())
    }

    /// Bytes of memory, where each piece refers to so many.
    pub(super) fn bytes(&self, of_piece: impl Fn(&T) -> usize) -> usize {
        let row = size_of::<[T; ROW]>() + size_of::<Arc<[T; ROW]>>() + 16;
        self.iter().map(of_piece).sum::<usize>() + ROWS * row + 16
    }
}
