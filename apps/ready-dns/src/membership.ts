/** Failed probes in a row that take an instance out; a single lost packet must not (facts: fall 2, rise 1). */
export const FALL = 2;

interface Instance {
  ready: boolean;
  probed: boolean;
  /** Failed probes in a row. */
  failures: number;
}

/**
 * Which instances exist and which of them are ready: the state between discovery, probes and answers,
 * with no I/O and no clock. An instance is identified by its IPv4 address.
 */
export class Membership {
  readonly #instances = new Map<string, Instance>();
  #discovered = false;
  #complete = false;

  /** Takes over what Docker's DNS says: whoever is not in it is gone, whoever is new waits for a probe. */
  replace(addresses: readonly string[]): void {
    const current = new Set(addresses);
    for (const address of this.#instances.keys()) {
      if (!current.has(address)) this.#instances.delete(address);
    }
    for (const address of current) {
      if (!this.#instances.has(address)) {
        this.#instances.set(address, { ready: false, probed: false, failures: 0 });
      }
    }
    this.#discovered = true;
    this.#checkComplete();
  }

  /** The outcome of one probe; of no effect when the instance went away meanwhile. */
  record(address: string, passed: boolean): void {
    const instance = this.#instances.get(address);
    if (instance === undefined) return;
    instance.probed = true;
    instance.failures = passed ? 0 : instance.failures + 1;
    instance.ready = passed || (instance.ready && instance.failures < FALL);
    this.#checkComplete();
  }

  /** Sorted: nginx compares sets and turns the order itself; a stable order is readable in a log. */
  get known(): readonly string[] {
    return [...this.#instances.keys()].sort();
  }

  get ready(): readonly string[] {
    return this.known.filter((address) => this.#instances.get(address)?.ready);
  }

  /** Whether some ready instance has failed a probe, so that the next one should come soon. */
  get hasSuspect(): boolean {
    return [...this.#instances.values()].some(({ ready, failures }) => ready && failures > 0);
  }

  /**
   * Whether a first discovery was answered and every instance that it found was probed. Stays true: nginx
   * waits for it once, at the start.
   */
  get complete(): boolean {
    return this.#complete;
  }

  /**
   * What to tell nginx: the ready instances; all of them when none is ready (a fault that all share, or a
   * fault of the probes, must not take the whole service away); nothing when nothing is known. The last is
   * SERVFAIL on the wire, upon which nginx keeps the peers that it has.
   */
  get answer(): readonly string[] | undefined {
    if (!this.#complete || this.#instances.size === 0) return undefined;
    const ready = this.ready;
    return ready.length > 0 ? ready : this.known;
  }

  #checkComplete(): void {
    if (this.#discovered && [...this.#instances.values()].every(({ probed }) => probed))
      this.#complete = true;
  }
}
