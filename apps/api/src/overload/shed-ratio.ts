/** Never all: what is served tells whether it has become better. */
const MOST = 0.95;
/** From none to the most in a second of ticks (100 ms), which is when latency would run away. */
const STEP_UP = 0.1;
/** Back in five seconds: slower than up, or the load comes back in one piece. */
const STEP_DOWN = 0.02;

/**
 * Which share of the requests to turn away so that the event loop's delay stays near a limit: up while it is above, down
 * while it is below. A share, not a switch: with all or nothing an overloaded process swings between idle and stuck.
 */
export class ShedRatio {
  readonly #limitMs: number;
  #value = 0;

  constructor(limitMs: number) {
    this.#limitMs = limitMs;
  }

  /** From 0 (none) to 0.95. */
  get value(): number {
    return this.#value;
  }

  /** One tick: by how much the loop was late. */
  observe(delayMs: number): void {
    const next = delayMs > this.#limitMs ? this.#value + STEP_UP : this.#value - STEP_DOWN;
    this.#value = Math.min(MOST, Math.max(0, next));
  }
}
