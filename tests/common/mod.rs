//! What several tests of the core need.

use klrs::lanes::Level;

/// The levels of this CPU, best first. The scalar one is left out: with its emulated fma in every kernel it compiles for six minutes.
pub(crate) fn levels() -> Vec<Level> {
    let best = Level::new();
    let mut levels = vec![best];
    #[cfg(target_arch = "x86_64")]
    levels.extend(
        [best.as_avx2().map(Level::Avx2), best.as_sse4_2().map(Level::Sse4_2), best.as_sse2().map(Level::Sse2)]
            .into_iter()
            .flatten(),
    );
    levels
}

/// Numbers in [0, 1), the same at every run.
pub(crate) fn uniform(length: usize, seed: u64) -> Vec<f64> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    (0..length).map(|_| next()).collect()
}
