// SPDX-License-Identifier: Apache-2.0
//! Where an export lays out the structs that the C interface reads: a block of this thread's, used
//! again for each export, so that an export allocates nothing.
use std::cell::{Cell, RefCell};
use std::mem::{align_of, size_of, MaybeUninit};

/// A block is of such words: the alignment of everything that is laid out.
type Word = u64;

const FIRST_WORDS: usize = (64 << 10) / size_of::<Word>();
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

/// Hands out memory that does not move until [`Arena::clear`].
#[derive(Default)]
pub(crate) struct Arena {
    blocks: RefCell<Vec<Block>>,
    block: Cell<usize>,
    used: Cell<usize>,
}

impl Arena {
    /// Everything that was handed out is given back: `&mut` says that nobody has any of it.
    pub(crate) fn clear(&mut self) {
        self.blocks.get_mut().retain(|block| block.words <= KEPT_WORDS);
        self.block.set(0);
        self.used.set(0);
    }

    /// Room for `count` of T, not initialised.
    #[allow(clippy::mut_from_ref)] // no two calls hand out the same
    fn room<T: Copy>(&self, count: usize) -> &mut [MaybeUninit<T>] {
        assert!(align_of::<T>() <= align_of::<Word>());
        if count == 0 {
            return &mut []; // as most spans' events and links
        }
        let bytes = count.checked_mul(size_of::<T>()).expect("what is borrowed fits into memory");
        let words = bytes.div_ceil(size_of::<Word>());
        let mut blocks = self.blocks.borrow_mut();
        loop {
            let Some(block) = blocks.get(self.block.get()) else {
                blocks.push(Block::new(words.max(FIRST_WORDS)));
                continue;
            };
            let used = self.used.get();
            if words <= block.words - used {
                self.used.set(used + words);
                // SAFETY: `words` words from here on are inside the block, and this call's alone
                // until clear(); they are aligned for T, and MaybeUninit needs no value. The block
                // stays where it is when the vector grows.
                return unsafe {
                    std::slice::from_raw_parts_mut(block.start.add(used).cast(), count)
                };
            }
            self.block.set(self.block.get() + 1);
            self.used.set(0);
        }
    }

    /// What an iterator has, as one slice. The iterator may use the arena meanwhile.
    pub(crate) fn collect<T: Copy>(&self, items: impl Iterator<Item = T>) -> &[T] {
        let mut room = self.room::<T>(items.size_hint().0);
        let mut count = 0;
        for item in items {
            if count == room.len() {
                let larger = self.room::<T>((2 * count).max(8));
                larger[..count].copy_from_slice(room);
                room = larger;
            }
            room[count].write(item);
            count += 1;
        }
        // SAFETY: the first `count` were written just now.
        unsafe { std::slice::from_raw_parts(room.as_ptr().cast(), count) }
    }

    /// Pieces of text behind each other; asked for twice, to measure and to copy.
    pub(crate) fn text<'a, I>(&self, pieces: impl Fn() -> I) -> &[u8]
    where
        I: Iterator<Item = &'a str>,
    {
        let room = self.room::<u8>(pieces().map(str::len).sum());
        let mut used = 0;
        for byte in pieces().flat_map(str::bytes).take(room.len()) {
            room[used].write(byte);
            used += 1;
        }
        // SAFETY: the first `used` were written just now.
        unsafe { std::slice::from_raw_parts(room.as_ptr().cast(), used) }
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
        for _ in 0..3 {
            arena.clear();
            let first = arena.collect(0..10_000u64);
            let second = arena.collect((0..10u32).filter(|n| n % 2 == 0));
            let third = arena.text(|| ["a=", "ü", ",b="].into_iter());
            assert!(first.iter().copied().eq(0..10_000));
            assert_eq!(second, [0, 2, 4, 6, 8]);
            assert_eq!(third, "a=ü,b=".as_bytes());
        }
    }

    #[test]
    fn an_iterator_may_use_the_arena_and_lie_about_its_length() {
        struct Liar(u32);
        impl Iterator for Liar {
            type Item = u32;
            fn next(&mut self) -> Option<u32> {
                self.0 += 1;
                (self.0 <= 1000).then_some(self.0)
            }
            fn size_hint(&self) -> (usize, Option<usize>) {
                (2, Some(2))
            }
        }
        let arena = Arena::default();
        let found = arena.collect(Liar(0).map(|n| arena.collect(std::iter::repeat(n).take(3))));
        assert_eq!(found.len(), 1000);
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
