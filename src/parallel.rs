//! Threads, and the floating-point environment that kernels run in: the only file that knows rayon.
//!
//! The pool is our own, built at the first call that has work for it. Which thread does what never changes a bit: work is split into
//! pieces whose results are stored by index.

#![expect(unsafe_code, reason = "the floating-point control register has no other access")]

use std::sync::OnceLock;

use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

/// Elements below which a call runs on the calling thread: about 20 µs of work, what waking the pool costs.
pub const INLINE: usize = 1 << 15;
/// Elements of a piece of work.
pub const PIECE: usize = 1 << 16;

/// `None` where no threads can be started: then everything runs on the calling thread.
fn pool() -> Option<&'static ThreadPool> {
    static POOL: OnceLock<Option<ThreadPool>> = OnceLock::new();
    POOL.get_or_init(|| ThreadPoolBuilder::new().thread_name(|i| format!("klrs-{i}")).build().ok()).as_ref()
}

/// Runs `work` on pieces of `items`, `piece` items each, with the index of the piece's first item; returns what it found, in order.
///
/// `elements` is how much there is to read in all.
pub fn for_each_piece<I: Send, R: Send>(
    items: &mut [I],
    piece: usize,
    elements: usize,
    work: impl Fn(usize, &mut [I]) -> R + Sync,
) -> Vec<R> {
    let work = |(index, items): (usize, &mut [I])| {
        let _environment = DefaultEnvironment::enter();
        work(index * piece, items)
    };
    match pool_for(elements) {
        Some(pool) => pool.install(|| items.par_chunks_mut(piece).enumerate().map(work).collect()),
        None => items.chunks_mut(piece).enumerate().map(work).collect(),
    }
}

fn pool_for(elements: usize) -> Option<&'static ThreadPool> {
    if elements < INLINE { None } else { pool() }
}

/// The default floating-point environment, until dropped; then the caller's again.
///
/// Somebody may have set flush-to-zero (`torch.set_flush_denormal`, `-ffast-math` in any loaded library), and threads inherit it.
struct DefaultEnvironment {
    callers: Option<Control>,
}

impl DefaultEnvironment {
    fn enter() -> Self {
        let current = control::read();
        let callers = (current & control::MASK != control::DEFAULT).then_some(current);
        if callers.is_some() {
            control::write(current & !control::MASK | control::DEFAULT);
        }
        Self { callers }
    }
}

impl Drop for DefaultEnvironment {
    fn drop(&mut self) {
        if let Some(callers) = self.callers {
            control::write(callers);
        }
    }
}

#[cfg(target_arch = "x86_64")]
type Control = u32;
#[cfg(not(target_arch = "x86_64"))]
type Control = u64;

#[cfg(target_arch = "x86_64")]
mod control {
    //! MXCSR: rounding mode, flush-to-zero, denormals-are-zero and the exception masks.
    use core::arch::asm;

    /// All but the six sticky flags.
    pub(super) const MASK: u32 = 0xffc0;
    /// Every exception masked, round to nearest.
    pub(super) const DEFAULT: u32 = 0x1f80;

    pub(super) fn read() -> u32 {
        let mut value = 0_u32;
        // SAFETY: stores the register to a local.
        unsafe { asm!("stmxcsr [{}]", in(reg) &raw mut value, options(nostack, preserves_flags)) };
        value
    }

    pub(super) fn write(value: u32) {
        // SAFETY: loads the register from a local; the value came from `read`, with the bits of `MASK` set to their default.
        unsafe { asm!("ldmxcsr [{}]", in(reg) &raw const value, options(nostack, preserves_flags)) };
    }
}

#[cfg(target_arch = "aarch64")]
mod control {
    //! FPCR: rounding mode, flush-to-zero, default NaN and the trap enables.
    use core::arch::asm;

    pub(super) const MASK: u64 = 0x07ff_9f07;
    pub(super) const DEFAULT: u64 = 0;

    pub(super) fn read() -> u64 {
        let value;
        // SAFETY: reads a register.
        unsafe { asm!("mrs {}, fpcr", out(reg) value, options(nomem, nostack, preserves_flags)) };
        value
    }

    pub(super) fn write(value: u64) {
        // SAFETY: the value came from `read`, with the bits of `MASK` set to their default.
        unsafe { asm!("msr fpcr, {}", in(reg) value, options(nostack, preserves_flags)) };
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
mod control {
    //! No register that is known to change results.
    pub(super) const MASK: u64 = 0;
    pub(super) const DEFAULT: u64 = 0;

    pub(super) fn read() -> u64 {
        0
    }

    pub(super) fn write(_value: u64) {}
}
