/* The contract between a compiled tenon program and whoever runs it.
 *
 * Plain C, no include beyond the standard ones: the runtime, the code generator and the header that
 * ahead-of-time compilation writes all agree on what stands here, and on nothing else.
 *
 * A program has two entries of type `tenon_entry`:
 *   prepare  packs weights and evaluates what depends on parameters alone, once per set of weights;
 *   step     one inference or one training step, or several, one behind the other.
 * Both are SPMD: every one of `threads` threads calls the entry with its own number, all of them at
 * the same time, with the same frame. One thread passes thread = 0, threads = 1 and needs no team.
 *
 * All memory is the caller's. Buffers need the alignment of their elements; the arena and the
 * prepared area need TENON_ARENA_ALIGNMENT.
 */
#ifndef TENON_RUNTIME_ABI_H_
#define TENON_RUNTIME_ABI_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Raised whenever a layout below changes. */
#define TENON_ABI_VERSION 3

#define TENON_ARENA_ALIGNMENT 64

/* Element types. The codes are part of file formats too: never renumber. */
typedef enum tenon_dtype {
  TENON_F32 = 0,
  TENON_F64 = 1,
  TENON_BF16 = 2,
  TENON_F16 = 3,
  TENON_I8 = 4,
  TENON_U8 = 5,
  TENON_I32 = 6,
  TENON_I64 = 7,
  TENON_BOOL = 8
} tenon_dtype;

/* What an entry returns, and what `tenon_frame.status` holds: the first fault wins and stays. */
typedef enum tenon_status {
  TENON_OK = 0,
  TENON_INDEX_OUT_OF_RANGE = 1, /* gather/scatter index; fault_value is the index */
  TENON_NOT_FINITE = 2,         /* a value checked for NaN/infinity was neither */
  TENON_CANCELLED = 3,          /* a wait callback returned it */
  /* What the caller got wrong, found before anything is written. `fault_value` says which: */
  TENON_BAD_THREAD = 4,        /* not in 0..threads-1, or several without a team; the thread */
  TENON_BAD_EXTENT = 5,        /* negative or beyond its bound; the number of the symbol */
  TENON_MISSING_BUFFER = 6,    /* of a tensor that has elements; the number of the binding */
  TENON_MISALIGNED_BUFFER = 7, /* not at a multiple of its element's size; the binding */
  TENON_BAD_MEMORY = 8,        /* null, or misaligned; 0: the arena, 1: the prepared area */
  TENON_WRONG_WEIGHTS = 9,     /* not those that the program was compiled with */
  TENON_NO_REGISTERS = 10      /* the system refuses the processor's matrix registers; its error */
} tenon_status;

/* What threads share while they run one entry together. The caller sets the callbacks, zeroes
 * `arrived` and both words of `stop` before every run, and may use the team for any number of runs,
 * one at a time. All threads must have returned before it does so.
 *
 * The barrier (emitted into the program): `arrived` counts the arrivals of the whole run. A thread
 * that has passed k barriers adds one to it and is through once it has reached (k + 1) * threads,
 * modulo 2^32: the last arrival is itself the release. Who arrives last calls `wake` if `parked` is
 * not zero; the others re-read `arrived` up to `spins` times, then call `wait` with what they have
 * seen, and look again. `wait` returns TENON_OK once `*arrived != seen`, or earlier; it will be
 * called again where that was not the last arrival. Arrivals before the last change `*arrived` but
 * wake nobody: a thread may sleep through them.
 *
 * Faults: who finds the frame's status set when it arrives at barrier k copies it to stop[k % 2]
 * before it adds itself, and all threads look at that word once they are through: so they agree on
 * whether to go on, and none waits for one that has left. There are two words because a thread that
 * is through may fault in the next phase before another one has looked; none is two phases ahead.
 *
 * Cancelling: `wait` may return any other status. The thread leaves with it, after it has set both
 * words of `stop`, added one more to `arrived` and called `wake` if `parked` is not zero; every
 * other thread leaves at its next barrier at the latest. */
typedef struct tenon_team {
  /* What every barrier touches, on one cache line (align the struct to 64 bytes): it goes from core
   * to core once a barrier. */
  uint32_t arrived; /* in this run; the caller zeroes it each run */
  int32_t stop[2];  /* what the threads agree on at every other barrier; likewise */
  uint32_t parked;  /* threads inside `wait` that need a `wake`; owned by the callbacks */
  uint32_t spins;   /* polls before `wait` is called */
  uint32_t pad[11];
  void* context; /* passed to the callbacks */
  int32_t (*wait)(void* context, uint32_t* arrived, uint32_t seen);
  void (*wake)(void* context, uint32_t* arrived);
} tenon_team;

/* What an entry sees of memory. `status`, `fault_site`, `fault_value` and `run` are written by the
 * program; everything else by the caller.
 *
 * `step` runs `runs` times, each run behind all of the one before: the same bits as with as many
 * calls. From one run to the next the buffer of binding i moves by strides[i] bytes if it is an
 * input that is neither parameter nor state, or an output that takes over no input's memory; the
 * others stay where they are, whatever stands there. A fault ends all runs. `prepare` takes no
 * notice of any of this. */
typedef struct tenon_frame {
  void* const* buffers;   /* one a binding, in the order of the program's binding table */
  const int64_t* extents; /* one a symbol, in the order of the program's symbol table */
  char* arena;            /* arena_bytes + threads * scratch_bytes, as the program states them */
  char* prepared;         /* prepared_bytes; written by prepare, read by step */
  tenon_team* team;       /* NULL where threads == 1 */
  int32_t status;         /* the caller sets TENON_OK before each run */
  int32_t fault_site;     /* index into the program's side table of source lines */
  int64_t fault_value;
  int64_t runs;           /* 0 counts as 1 */
  const int64_t* strides; /* one a binding; not looked at where runs < 2 */
  int64_t run;            /* the last run that was begun, from 0: with a fault, the one it is in */
} tenon_frame;

typedef int32_t (*tenon_entry)(tenon_frame* frame, int32_t thread, int32_t threads);

#ifdef __cplusplus
}
#endif

#endif /* TENON_RUNTIME_ABI_H_ */
