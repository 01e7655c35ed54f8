//! Products of matrices, in f32 sums whose order is that of the factors: the same bits for any number of
//! rows and of threads.
//!
//! A tile of 8 x 48 results stays in registers from the first word to the last. `vdpbf16ps` multiplies 32
//! pairs of bf16 at once and adds them to 16 sums; for f32 the same loop has 16 multiplications.
#![expect(unsafe_code, reason = "words are read through pointers whose range is checked before")]

use std::arch::x86_64::{
    __m512, __m512bh, __m512i, _MM_HINT_T1, _mm_prefetch, _mm512_castsi512_ps, _mm512_dpbf16_ps,
    _mm512_fmadd_ps, _mm512_loadu_si512, _mm512_set1_epi32, _mm512_setzero_ps, _mm512_storeu_ps,
};

use super::number::{Element, LANES, wide};
use super::panels::{COLUMNS, Panels, Rows};

/// Rows of a tile: with 3 x 8 sums, 3 words of the right and one of the left, 28 of 32 registers are in use.
const ROWS: usize = 8;

/// Rows that go through all panels before the next ones: they stay in the second cache.
const ROWS_AT_ONCE: usize = 128;

/// Words of a product over several parts that are summed at once, for the same reason.
const WORDS_AT_ONCE: usize = 512;

/// Bytes of a line of the cache.
const LINE: usize = 64;

/// Some results, of which the first `Place::rows` x `Place::columns` count.
pub(super) type Tile = [[f32; COLUMNS]; ROWS];

/// The part of the result that a tile is.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) row: usize,
    pub(super) rows: usize,
    pub(super) column: usize,
    pub(super) columns: usize,
}

impl Place {
    /// Calls `put` with each value of the tile and its place in `to`, whose rows are `stride` long.
    #[inline(always)]
    pub(super) fn put<T>(
        self,
        tile: &Tile,
        stride: usize,
        to: &mut [T],
        put: impl Fn(&mut T, f32),
    ) {
        for (row, tile) in tile.iter().enumerate().take(self.rows) {
            let first = (self.row + row) * stride + self.column;
            for (to, &value) in to[first..][..self.columns].iter_mut().zip(tile) {
                put(to, value);
            }
        }
    }
}

/// Where the words of both factors lie. `left` is that of the tile's first row.
#[derive(Clone, Copy)]
struct Segment {
    left: *const u8,
    right: *const u32,
    /// What is fetched into the cache meanwhile, a line a word: a part of what is on the right next.
    ahead: *const u8,
    words: usize,
}

/// Bytes from a word of the left factor to the one below it, and to the next one in its sum.
#[derive(Clone, Copy)]
struct Strides {
    row: usize,
    word: usize,
}

wide! {
    /// Calls `each` with the tiles of `left` times `right`, of which a row of `left` has as many values as
    /// `right` has in its words.
    ///
    /// # Panics
    /// Panics if `left` is shorter than that.
    pub(super) fn times<E: Element>(
        left: Rows<'_, E>,
        right: &Panels,
        mut each: impl FnMut(&Tile, Place),
    ) {
        if left.rows == 0 {
            return;
        }
        let reach = (left.rows - 1) * left.stride + right.words * E::PER_WORD;
        assert!(reach <= left.values.len(), "the left factor is too short");
        let strides = Strides { row: left.stride * size_of::<E>(), word: size_of::<u32>() };
        let mut tile = [[0.0; COLUMNS]; ROWS];
        for block in (0..left.rows).step_by(ROWS_AT_ONCE) {
            let block_end = (block + ROWS_AT_ONCE).min(left.rows);
            for panel in 0..right.n_panels() {
                let column = panel * COLUMNS;
                let columns = (right.columns - column).min(COLUMNS);
                let words = right.panel(panel);
                for row in (block..block_end).step_by(ROWS) {
                    let rows = (block_end - row).min(ROWS);
                    let left = left.values[row * left.stride..].as_ptr().cast();
                    let ahead = ahead(words, (row - block) / ROWS, (block_end - block).div_ceil(ROWS));
                    let right = right.words;
                    let segment = Segment { left, right: words.as_ptr(), ahead, words: right };
                    // SAFETY: `reach` is the end of the last row, and a panel has its words.
                    unsafe { tile_of::<E>(&[segment], strides, (rows, columns), &mut tile) };
                    each(&tile, Place { row, rows, column, columns });
                }
            }
        }
    }

    /// Calls `each` with the tiles of some rows of the sum, over the parts, of the left factor transposed
    /// times the right one: those that are the left factors' columns in `panel`. Where the parts are many,
    /// the result comes in several summands; the flag says that a tile is to be added.
    pub(super) fn transposed_times<E: Element>(
        parts: &[(&Panels, &Panels)],
        panel: usize,
        mut each: impl FnMut(&Tile, Place, bool),
    ) {
        let Some((left, right)) = parts.first() else { return };
        let (first_row, n_panels) = (panel * COLUMNS, right.n_panels());
        let n_rows = (left.columns - first_row).min(COLUMNS);
        let mut tile = [[0.0; COLUMNS]; ROWS];
        let mut segments = Vec::new();
        let mut rest = parts;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(at_once(rest));
            for right_panel in 0..n_panels {
                let column = right_panel * COLUMNS;
                let columns = (right.columns - column).min(COLUMNS);
                for row in (0..n_rows).step_by(ROWS) {
                    let rows = (n_rows - row).min(ROWS);
                    segments.clear();
                    segments.extend(now.iter().map(|(left, right)| {
                        assert_eq!(left.words, right.words, "both factors have the summed words");
                        let left = left.panel(panel)[row..].as_ptr().cast();
                        let panel = right.panel(right_panel);
                        let ahead = ahead(panel, row / ROWS, n_rows.div_ceil(ROWS));
                        Segment { left, right: panel.as_ptr(), ahead, words: right.words }
                    }));
                    let width = left.panel(panel).len() / left.words;
                    let strides = Strides { row: size_of::<u32>(), word: width * size_of::<u32>() };
                    // SAFETY: both panels have these words, and `row + rows` is within the left one's width.
                    unsafe { tile_of::<E>(&segments, strides, (rows, columns), &mut tile) };
                    let place = Place { row: first_row + row, rows, column, columns };
                    each(&tile, place, now.len() + later.len() < parts.len());
                }
            }
            rest = later;
        }
    }

    /// Computes a tile by the instance for its size.
    ///
    /// # Safety
    /// The words that `segments` and `strides` lead to must be there for so many rows and columns, the
    /// latter rounded up to whole registers.
    unsafe fn tile_of<E: Element>(
        segments: &[Segment],
        strides: Strides,
        (rows, columns): (usize, usize),
        tile: &mut Tile,
    ) {
        macro_rules! by_size {
            ($($rows:literal)*) => {
                match (rows, columns.div_ceil(LANES)) {
                    // SAFETY: the caller's.
                    $(($rows, 1) => unsafe { tile_in_registers::<E, $rows, 1>(segments, strides, tile) },
                    // SAFETY: the caller's.
                    ($rows, 2) => unsafe { tile_in_registers::<E, $rows, 2>(segments, strides, tile) },
                    // SAFETY: the caller's.
                    ($rows, _) => unsafe { tile_in_registers::<E, $rows, 3>(segments, strides, tile) },)*
                    _ => unreachable!("a tile has 1 to {ROWS} rows"),
                }
            };
        }
        by_size!(1 2 3 4 5 6 7 8);
    }

    /// # Safety
    /// As `tile_of`, for `R` rows and `V` registers of columns.
    #[inline(never)]
    #[expect(clippy::needless_range_loop, reason = "written with iterators, the sums leave their registers")]
    unsafe fn tile_in_registers<E: Element, const R: usize, const V: usize>(
        segments: &[Segment],
        strides: Strides,
        tile: &mut Tile,
    ) {
        let mut sums = [[_mm512_setzero_ps(); V]; R];
        for segment in segments {
            let Segment { mut left, mut right, mut ahead, words } = *segment;
            for _ in 0..words {
                let right_words: [__m512i; V] = std::array::from_fn(|v| {
                    // SAFETY: a word of a panel is as wide as the panel, which is at least `V` registers.
                    let at = unsafe { right.add(v * LANES) };
                    // SAFETY: the same.
                    unsafe { _mm512_loadu_si512(at.cast()) }
                });
                // What is fetched ahead need not be there.
                _mm_prefetch::<_MM_HINT_T1>(ahead.cast());
                for row in 0..R {
                    // SAFETY: the caller's; words of the left factor need not be aligned.
                    let at = unsafe { left.add(row * strides.row) };
                    // SAFETY: the same.
                    let word = _mm512_set1_epi32(unsafe { at.cast::<i32>().read_unaligned() });
                    for v in 0..V {
                        sums[row][v] = multiply_add::<E>(sums[row][v], word, right_words[v]);
                    }
                }
                // The pointers go on without being read, by the last word to the end or beyond.
                left = left.wrapping_add(strides.word);
                right = right.wrapping_add(V * LANES);
                ahead = ahead.wrapping_add(LINE);
            }
        }
        for row in 0..R {
            for v in 0..V {
                let to = tile[row][v * LANES..][..LANES].as_mut_ptr();
                // SAFETY: the slice is as long as the register.
                unsafe { _mm512_storeu_ps(to, sums[row][v]) };
            }
        }
    }

    #[inline]
    fn multiply_add<E: Element>(sum: __m512, a: __m512i, b: __m512i) -> __m512 {
        if E::PER_WORD == 2 {
            // SAFETY: both are 512 bits without invalid values.
            let a = unsafe { std::mem::transmute::<__m512i, __m512bh>(a) };
            // SAFETY: the same.
            let b = unsafe { std::mem::transmute::<__m512i, __m512bh>(b) };
            _mm512_dpbf16_ps(sum, a, b)
        } else {
            _mm512_fmadd_ps(_mm512_castsi512_ps(a), _mm512_castsi512_ps(b), sum)
        }
    }
}

/// Returns where to fetch from while the `tile`th of several tiles is made with a panel: the next panel lies
/// behind it, and each tile fetches a part.
fn ahead(panel: &[u32], tile: usize, tiles: usize) -> *const u8 {
    let bytes = size_of_val(panel);
    panel.as_ptr().cast::<u8>().wrapping_add(bytes + bytes * tile / tiles)
}

/// Returns how many of the parts are summed at once: as many as fit, but at least one.
fn at_once(parts: &[(&Panels, &Panels)]) -> usize {
    let mut words = 0;
    let fit = |(left, _): &&(&Panels, &Panels)| {
        words += left.words;
        words <= WORDS_AT_ONCE
    };
    parts.iter().take_while(fit).count().max(1)
}
