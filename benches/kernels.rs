//! The kernels from the cache, at the best level and at AVX2's, beside a plain read of the same arrays.
//!
//! `cargo bench --no-default-features`; throughput is in entries of p.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use klrs::kernel::{Accumulator, Run, Scale};
use klrs::lanes::Level;
use klrs::verb::{Compute, Parameters, Verb};
use std::hint::black_box;

const ENTRIES: usize = 8192;

fn kernels<T: Compute + std::ops::Add<Output = T>>(criterion: &mut Criterion, dtype: &str) {
    let mut group = criterion.benchmark_group(dtype);
    group.throughput(Throughput::Elements(ENTRIES as u64));
    let entry = |i: usize, step: usize| T::from_f64((1 + i * step % 997) as f64 / (499.0 * ENTRIES as f64));
    let p: Vec<T> = (0..ENTRIES).map(|i| entry(i, 7)).collect();
    let q: Vec<T> = (0..ENTRIES).map(|i| entry(i, 13)).collect();
    let unit = T::from_f64(f64::from_bits(u64::from((1023 + T::LIFT).unsigned_abs()) << 52));
    let scale = Scale { p: unit, q: unit, unit, dominant: T::from_f64(f64::INFINITY), ..Scale::default() };
    let best = Level::new();
    let mut levels = vec![("best", best)];
    #[cfg(target_arch = "x86_64")]
    levels.extend(best.as_avx2().map(|avx2| ("avx2", Level::Avx2(avx2))));
    for &verb in Verb::ALL {
        let kernel = T::kernel(verb, Parameters::default());
        for &(name, level) in &levels {
            group.bench_function(BenchmarkId::new(verb.name(), name), |bencher| {
                bencher.iter(|| {
                    let mut row = Accumulator::default();
                    kernel.sweep(level, &mut row, Run::Real([black_box(&p), black_box(&q)]), scale);
                    row.finish(kernel.shape())
                });
            });
        }
    }
    group.bench_function("read", |bencher| {
        bencher.iter(|| {
            // As many independent sums as the kernels have, or the additions' latency is measured.
            let mut sums = [T::default(); 64];
            for (p, q) in black_box(&p).chunks_exact(64).zip(black_box(&q).chunks_exact(64)) {
                for (sum, (&p, &q)) in sums.iter_mut().zip(p.iter().zip(q)) {
                    *sum = *sum + (p + q);
                }
            }
            sums
        });
    });
    group.finish();
}

fn all(criterion: &mut Criterion) {
    kernels::<f64>(criterion, "f64");
    kernels::<f32>(criterion, "f32");
}

criterion_group!(benches, all);
criterion_main!(benches);
