// SPDX-License-Identifier: Apache-2.0
//! Where an export lays out the structs that the C interface reads: a block of this thread's, used
//! again for each export, so that an export allocates nothing.
use std::cell::{Cell, RefCell};
use std::mem::{align_of, size_of, MaybeUninit};
use std::ptr::NonNull;

/// A block is of such words: the alignment of everything that is laid out.
type Word = u64;

/// In Miri, which is slow, the tests go from block to block with less.
const FIRST_WORDS: usize = if cfg!(miri) { 256 } else { (64 << 10) / size_of::<Word>() };
/// What a thread keeps between exports; a larger block is for the export that needs it.
const KEPT_WORDS: usize = (4 << 20) / size_of::<Word>();

/// Kept by pointer: a reference to the whole of it would claim what was handed out of it.
struct Block {
    start: *mut MaybeUninit<Word>,
    words: usize,
}

impl Block {
    fn new(words: usize) -> Self {
        let mut block = Vec::<MaybeUninit<Word>>::with_capacity(words);
        block.resize(words, MaybeUninit::uninit());
        Block { start: Box::into_raw(block.into_boxed_slice()).cast(), words }
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: it is what new() took from a box, and nobody else gives it back.
        drop(unsafe { Box::from_raw(std::ptr::slice_from_raw_parts_mut(self.start, self.words)) });
    }
}

/// Up to how many items room is taken for where an iterator knows only how many it has at most.
const GUESS_MAX: usize = 64;

/// Hands out memory that does not move until [`Arena::clear`].
pub(crate) struct Arena {
    blocks: RefCell<Vec<Block>>,
    /// The index of the block after the one that is in use.
    next_block: Cell<usize>,
    /// The rest of the block that is in use.
    rest: Cell<*mut MaybeUninit<Word>>,
    rest_words: Cell<usize>,
}

impl Default for Arena {
    fn default() -> Self {
        Arena {
            blocks: RefCell::default(),
            next_block: Cell::new(0),
            rest: Cell::new(NonNull::dangling().as_ptr()),
            rest_words: Cell::new(0),
        }
    }
}

impl Arena {
    /// Everything that was handed out is given back: `&mut` says that nobody has any of it.
    #[inline]
    pub(crate) fn clear(&mut self) {
        let blocks = self.blocks.get_mut();
        if blocks.len() != 1 || blocks[0].words > KEPT_WORDS {
            blocks.retain(|block| block.words <= KEPT_WORDS);
        }
        let (rest, words) = match blocks.first() {
            Some(block) => (block.start, block.words),
            None => (NonNull::dangling().as_ptr(), 0),
        };
        self.next_block.set(blocks.len().min(1));
        self.rest.set(rest);
        self.rest_words.set(words);
    }

    /// Room for `count` of T, not initialised: this call's alone until clear(), and aligned for T.
    #[inline]
    fn room<T: Copy>(&self, count: usize) -> *mut T {
        assert!(align_of::<T>() <= align_of::<Word>()); // which the compiler knows
        let bytes = count.checked_mul(size_of::<T>()).expect("what is borrowed fits into memory");
        let words = bytes.div_ceil(size_of::<Word>());
        if words > self.rest_words.get() {
            self.take_block(words);
        }
        let room = self.rest.get();
        // SAFETY: so many words there are from there to the end of the block. (Where there is no
        // block yet, it is none.)
        self.rest.set(unsafe { room.add(words) });
        self.rest_words.set(self.rest_words.get() - words);
        room.cast()
    }

    /// Go on in a block that has so many words.
    #[cold]
    #[inline(never)]
    fn take_block(&self, words: usize) {
        let mut blocks = self.blocks.borrow_mut();
        loop {
            let index = self.next_block.get();
            if index == blocks.len() {
                blocks.push(Block::new(words.max(FIRST_WORDS)));
            }
            self.next_block.set(index + 1);
            // The block stays where it is when the vector grows.
            let block = &blocks[index];
            if words <= block.words {
                self.rest.set(block.start);
                self.rest_words.set(block.words);
                return;
            }
        }
    }

    /// What `put` makes of each item, in its place, as one slice. It may use the arena meanwhile.
    ///
    /// # Safety
    /// `put` writes all of the T that it is told the place of, but for padding and for what a
    /// union's member does not have.
    #[inline]
    pub(crate) unsafe fn map_into<'a, S, T: Copy>(
        &self,
        items: &'a [S],
        mut put: impl FnMut(&'a S, *mut T),
    ) -> &[T] {
        let room = self.room::<T>(items.len());
        for (index, item) in items.iter().enumerate() {
            // SAFETY: there is room for as many as there are.
            put(item, unsafe { room.add(index) });
        }
        // SAFETY: all were written just now.
        unsafe { std::slice::from_raw_parts(room, items.len()) }
    }

    /// What becomes of each item, as one slice.
    #[inline]
    pub(crate) fn map<'a, S, T: Copy>(
        &self,
        items: &'a [S],
        mut make: impl FnMut(&'a S) -> T,
    ) -> &[T] {
        // SAFETY: it writes all of it; the place is good for that.
        unsafe { self.map_into(items, |item, to: *mut T| to.write(make(item))) }
    }

    /// As [`map_into`](Arena::map_into), of an iterator, which may use the arena too.
    ///
    /// # Safety
    /// As there.
    #[inline]
    pub(crate) unsafe fn collect_into<S, T: Copy>(
        &self,
        items: impl Iterator<Item = S>,
        mut put: impl FnMut(S, *mut T),
    ) -> &[T] {
        let (least, most) = items.size_hint();
        let mut room_count = most.filter(|most| *most <= GUESS_MAX).unwrap_or(least);
        let mut room = self.room::<T>(room_count);
        let mut count = 0;
        for item in items {
            if count == room_count {
                (room, room_count) = self.larger(room, room_count);
            }
            // SAFETY: there is room for more than `count`.
            put(item, unsafe { room.add(count) });
            count += 1;
        }
        // SAFETY: the first `count` were written just now.
        unsafe { std::slice::from_raw_parts(room, count) }
    }

    /// What an iterator has, as one slice. The iterator may use the arena meanwhile.
    #[inline]
    pub(crate) fn collect<T: Copy>(&self, items: impl Iterator<Item = T>) -> &[T] {
        // SAFETY: it writes all of it; the place is good for that.
        unsafe { self.collect_into(items, |item, to: *mut T| to.write(item)) }
    }

    /// A larger room with the same in it: all of the first one is written.
    #[cold]
    #[inline(never)]
    fn larger<T: Copy>(&self, room: *const T, count: usize) -> (*mut T, usize) {
        let larger_count = (2 * count).max(8);
        let larger = self.room::<T>(larger_count);
        // SAFETY: both have room for `count`, and neither is in the other.
        unsafe { std::ptr::copy_nonoverlapping(room, larger, count) };
        (larger, larger_count)
    }

    /// Pieces of text behind each other; asked for twice, to measure and to copy.
    pub(crate) fn text<'a, I>(&self, pieces: impl Fn() -> I) -> &[u8]
    where
        I: Iterator<Item = &'a str>,
    {
        let room_bytes = pieces().map(str::len).sum();
        let room = self.room::<u8>(room_bytes);
        let mut used = 0;
        for byte in pieces().flat_map(str::bytes).take(room_bytes) {
            // SAFETY: there are `room_bytes`, and it is not more than that.
            unsafe { room.add(used).write(byte) };
            used += 1;
        }
        // SAFETY: the first `used` were written just now.
        unsafe { std::slice::from_raw_parts(room, used) }
    }
}

thread_local! {
    static ARENAS: RefCell<[Arena; 2]> = RefCell::new(Default::default());
}

/// Calls with two empty arenas: one for what a whole export needs, one for what comes and goes.
/// Where this thread's are in use or gone already (it is ending), with new ones.
pub(crate) fn with<R>(call: impl FnOnce(&mut Arena, &mut Arena) -> R) -> R {
    let mut call = Some(call);
    let done = ARENAS.try_with(|arenas| {
        let mut arenas = arenas.try_borrow_mut().ok()?;
        let [whole, part] = &mut *arenas;
        whole.clear();
        part.clear();
        call.take().map(|call| call(whole, part))
    });
    match (done, call) {
        (Ok(Some(result)), _) => result,
        (_, Some(call)) => call(&mut Arena::default(), &mut Arena::default()),
        _ => unreachable!("it is called once"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_handed_out_stays_until_it_is_given_back() {
        let mut arena = Arena::default();
        // More than a block has, and than what is guessed.
        let many = if cfg!(miri) { 400 } else { 10_000 };
        for _ in 0..3 {
            arena.clear();
            let first = arena.collect(0..many);
            let mapped = arena.map(first, |n| n + 1);
            let second = arena.collect((0..10u32).filter(|n| n % 2 == 0));
            let third = arena.text(|| ["a=", "ü", ",b="].into_iter());
            assert!(first.iter().copied().eq(0..many));
            assert!(mapped.iter().copied().eq(1..=many));
            assert_eq!(second, [0, 2, 4, 6, 8]);
            assert_eq!(third, "a=ü,b=".as_bytes());
        }
    }

    #[test]
    fn an_iterator_may_use_the_arena_and_lie_about_its_length() {
        const LIED: u32 = if cfg!(miri) { 100 } else { 1000 };
        struct Liar(u32);
        impl Iterator for Liar {
            type Item = u32;
            fn next(&mut self) -> Option<u32> {
                self.0 += 1;
                (self.0 <= LIED).then_some(self.0)
            }
            fn size_hint(&self) -> (usize, Option<usize>) {
                (2, Some(2))
            }
        }
        let arena = Arena::default();
        let found = arena.collect(Liar(0).map(|n| arena.collect(std::iter::repeat(n).take(3))));
        assert_eq!(found.len(), LIED as usize);
        assert!(found.iter().zip(1..).all(|(three, n)| three == &[n, n, n]));
        assert!(arena.collect(std::iter::empty::<u64>()).is_empty());
    }

    #[test]
    fn an_export_inside_an_export_gets_arenas_of_its_own() {
        let sum = with(|outer, _| {
            let kept = outer.collect(1..=4u64);
            let inner = with(|inner, _| inner.collect(10..=11u64).iter().sum::<u64>());
            kept.iter().sum::<u64>() + inner
        });
        assert_eq!(sum, 31);
    }
}
