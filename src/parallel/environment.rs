//! The floating-point environment that kernels run in: the CPU's default, whatever somebody else has set.

#![expect(unsafe_code, reason = "the floating-point control register has no other access")]

/// The default floating-point environment, until dropped; then the caller's again.
///
/// Somebody may have set flush-to-zero (`torch.set_flush_denormal`, `-ffast-math` in any loaded library), and threads inherit it.
pub(super) struct DefaultEnvironment {
    callers: Option<Control>,
}

impl DefaultEnvironment {
    pub(super) fn enter() -> Self {
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
