//! What a list holds, cut into pieces: a copy shares all of them, and a change makes its own of one.

use std::array;
use std::sync::Arc;

use super::exact::PARTS;

/// Shared side by side: about as many in a row as there are rows, so that a change copies few references.
const ROW: usize = 64;
const ROWS: usize = PARTS / ROW;

type Row<T> = Arc<[Arc<T>; ROW]>;

/// A piece for each part of the tokens.
#[derive(Debug)]
pub(super) struct Shared<T>(Arc<[Row<T>; ROWS]>);

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Shared<T> {
        Shared(Arc::clone(&self.0))
    }
}

impl<T> Shared<T> {
    /// All of them, asked for in their order.
    pub(super) fn new(mut piece: impl FnMut() -> Arc<T>) -> Shared<T> {
        Shared(Arc::new(array::from_fn(|_| Arc::new(array::from_fn(|_| piece())))))
    }

    #[inline]
    pub(super) fn get(&self, number: usize) -> Option<&T> {
        self.0.get(number / ROW)?.get(number % ROW).map(|piece| &**piece)
    }

    /// Puts another in the place of one. Copies of all this keep theirs.
    pub(super) fn set(&mut self, number: usize, piece: T) {
        let row = Arc::make_mut(&mut self.0).get_mut(number / ROW).map(Arc::make_mut);
        if let Some(place) = row.and_then(|row| row.get_mut(number % ROW)) {
            *place = Arc::new(piece);
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().flat_map(|row| row.iter().map(|piece| &**piece))
    }

    /// Bytes of memory, where each piece has so many on the heap.
    pub(super) fn bytes(&self, of_piece: impl Fn(&T) -> usize) -> usize {
        let pieces = self.iter().map(|piece| of_piece(piece) + size_of::<T>() + 16 + size_of::<Arc<T>>());
        pieces.sum::<usize>() + ROWS * (size_of::<Row<T>>() + 16) + 16
    }
}
