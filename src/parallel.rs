//! Threads, interruption and fork: the only file that knows rayon.
//!
//! A call is done by a *team*: the thread that made the call, and helpers from the pool. The work is cut into pieces, and who is free
//! takes the next; results are stored by index, so who does what never changes a bit.
//!
//! ```text
//! calling thread    hires helpers | takes a piece | is it interrupted? | hires again, if some have left | takes a piece | …
//! helper                            takes a piece | does another call wait for helpers? then leave      | takes a piece | …
//! ```
//!
//! The pool is our own, one for each process, built at the first call that has work for it and again when a larger team is asked
//! for. All calls of a process share it, and none waits for another longer than a piece takes. After a fork the child finds the pool
//! of another process, whose threads do not exist here and whose locks may be held: it is left alone and a new one built. There is no
//! lock on the way to the pool, since a fork could inherit it held. Where no thread can be started, the calling thread does everything.

use std::iter::Enumerate;
use std::slice::ChunksMut;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use rayon::{ThreadPool, ThreadPoolBuilder};
use smallvec::{SmallVec, smallvec};

use crate::error::Error;

mod environment;

use environment::DefaultEnvironment;

/// Elements below which a call runs on the calling thread alone: about 20 µs of work, what waking the pool costs.
pub const INLINE: usize = 1 << 15;
/// Elements of a piece of work.
pub const PIECE: usize = 1 << 16;
/// How often the calling thread asks whether it is interrupted.
const PATIENCE: Duration = Duration::from_millis(50);

/// Who does the work of a call.
#[derive(Clone, Copy)]
pub struct Team<'a> {
    /// How many threads, the calling one included.
    pub threads: usize,
    /// Asked by the calling thread now and then: whether to stop.
    pub is_interrupted: &'a (dyn Fn() -> bool + Sync),
}

impl Team<'_> {
    /// The calling thread, which nobody interrupts.
    #[must_use]
    pub fn alone() -> Self {
        Self { threads: 1, is_interrupted: &|| false }
    }
}

impl core::fmt::Debug for Team<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Team").field("threads", &self.threads).finish_non_exhaustive()
    }
}

/// Asks now and then whether a team is interrupted.
pub struct Patience<'a> {
    team: &'a Team<'a>,
    asked: Instant,
}

impl<'a> Patience<'a> {
    /// That of the team's calling thread, from now on.
    #[must_use]
    pub fn of(team: &'a Team<'a>) -> Self {
        Self { team, asked: Instant::now() }
    }

    /// An error if it is time to ask, and to stop.
    pub fn ask(&mut self) -> Result<(), Error> {
        if self.asked.elapsed() < PATIENCE {
            return Ok(());
        }
        self.asked = Instant::now();
        if (self.team.is_interrupted)() { Err(Error::Interrupted) } else { Ok(()) }
    }
}

/// Does something in the CPU's default floating-point environment.
pub fn in_default_environment<R>(work: impl FnOnce() -> R) -> R {
    let _environment = DefaultEnvironment::enter();
    work()
}

/// How many threads this process may use: its affinity and its cgroup's quota are respected.
#[must_use]
pub fn available() -> usize {
    available_parallelism().map_or(1, usize::from)
}

/// Whether threads could not be started; said once.
#[must_use]
pub fn take_failure() -> bool {
    static SAID: AtomicBool = AtomicBool::new(false);
    FAILED.load(Ordering::Relaxed) && !SAID.swap(true, Ordering::Relaxed)
}

static FAILED: AtomicBool = AtomicBool::new(false);

/// Runs `work` on pieces of `items`, `piece` items each, with the index of the piece's first item; returns what it found, in any order.
///
/// `elements` is how much there is to read in all.
pub fn for_each_piece<I: Send, R: Send>(
    team: &Team,
    items: &mut [I],
    piece: usize,
    elements: usize,
    work: impl Fn(usize, &mut [I]) -> R + Sync,
) -> Result<SmallVec<[R; 1]>, Error> {
    for_each_piece_with(team, items, piece, elements, |(), first, items| work(first, items))
}

/// The same with scratch space that each thread has for all of its pieces.
pub fn for_each_piece_with<I: Send, S: Default, R: Send>(
    team: &Team,
    items: &mut [I],
    piece: usize,
    elements: usize,
    work: impl Fn(&mut S, usize, &mut [I]) -> R + Sync,
) -> Result<SmallVec<[R; 1]>, Error> {
    if items.len() <= piece {
        return Ok(smallvec![work(&mut S::default(), 0, items)]);
    }
    let helpers = if elements < INLINE { 0 } else { team.threads.min(items.len().div_ceil(piece)).saturating_sub(1) };
    let left = Mutex::new(items.chunks_mut(piece).enumerate());
    let work = Work { left, piece, does: work, found: Mutex::default(), is_stopped: AtomicBool::new(false) };
    let pool = Pool::of(helpers);
    match pool.as_ref().and_then(|pool| Some((pool, pool.threads.as_ref()?))) {
        None => work.lead(team, || ()),
        Some((pool, threads)) => {
            let hired = AtomicUsize::new(0);
            threads.in_place_scope(|scope| {
                work.lead(team, || {
                    while hired.load(Ordering::Relaxed) < helpers {
                        hired.fetch_add(1, Ordering::Relaxed);
                        pool.waiting.fetch_add(1, Ordering::Relaxed);
                        scope.spawn(|_| {
                            pool.waiting.fetch_sub(1, Ordering::Relaxed);
                            work.help(|| pool.waiting.load(Ordering::Relaxed) > 0);
                            hired.fetch_sub(1, Ordering::Relaxed);
                        });
                    }
                });
            });
        }
    }
    let found = work.found.into_inner().unwrap_or_else(PoisonError::into_inner);
    if work.is_stopped.into_inner() { Err(Error::Interrupted) } else { Ok(found.into()) }
}

/// Pieces of work, and what came of them.
struct Work<'i, I, R, F> {
    left: Mutex<Enumerate<ChunksMut<'i, I>>>,
    /// Items of a piece.
    piece: usize,
    does: F,
    found: Mutex<Vec<R>>,
    is_stopped: AtomicBool,
}

impl<I, R, F> Work<'_, I, R, F> {
    /// Does the next piece, if one is left.
    fn next<S>(&self, scratch: &mut S) -> bool
    where
        F: Fn(&mut S, usize, &mut [I]) -> R,
    {
        if self.is_stopped.load(Ordering::Relaxed) {
            return false;
        }
        let Some((index, items)) = lock(&self.left).next() else { return false };
        let found = (self.does)(scratch, index * self.piece, items);
        lock(&self.found).push(found);
        true
    }

    /// What the calling thread does.
    fn lead<S: Default>(&self, team: &Team, hire: impl Fn())
    where
        F: Fn(&mut S, usize, &mut [I]) -> R,
    {
        let (mut patience, mut scratch) = (Patience::of(team), S::default());
        loop {
            if lock(&self.left).len() > 1 {
                hire();
            }
            if !self.next(&mut scratch) {
                break;
            }
            if patience.ask().is_err() {
                self.is_stopped.store(true, Ordering::Relaxed);
            }
        }
    }

    /// What a helper does, until nothing is left or it is wanted elsewhere.
    fn help<S: Default>(&self, is_wanted: impl Fn() -> bool)
    where
        F: Fn(&mut S, usize, &mut [I]) -> R,
    {
        let _environment = DefaultEnvironment::enter();
        let mut scratch = S::default();
        while self.next(&mut scratch) && !is_wanted() {}
    }
}

/// The lock is never held while something can panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The threads of a process.
struct Pool {
    process: u32,
    /// Helpers that were asked for.
    size: usize,
    /// Fewer where not so many could be started, and `None` where none could.
    threads: Option<Arc<ThreadPool>>,
    /// Helpers that were hired and have not begun.
    waiting: AtomicUsize,
}

static POOL: ArcSwapOption<Pool> = ArcSwapOption::const_empty();

impl Pool {
    /// The pool of this process, with so many helpers at least; none are needed for none.
    fn of(helpers: usize) -> Option<Arc<Self>> {
        if helpers == 0 {
            return None;
        }
        let process = std::process::id();
        let current = POOL.load_full().filter(|pool| pool.process == process);
        if let Some(pool) = &current
            && pool.size >= helpers
        {
            return current;
        }
        let built = ThreadPoolBuilder::new().num_threads(helpers).thread_name(|i| format!("klrs-{i}")).build();
        FAILED.fetch_or(built.is_err(), Ordering::Relaxed);
        let smaller = || current.and_then(|pool| pool.threads.clone());
        let threads = built.ok().map(Arc::new).or_else(smaller);
        let pool = Arc::new(Self { process, size: helpers, threads, waiting: AtomicUsize::new(0) });
        if let Some(old) = POOL.swap(Some(Arc::clone(&pool)))
            && old.process != process
        {
            // Ending threads that do not exist here would wait for their locks.
            core::mem::forget(old);
        }
        Some(pool)
    }
}
