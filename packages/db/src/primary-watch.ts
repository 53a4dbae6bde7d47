import type { Logger } from '@sv-sdk/telemetry';
import type pg from 'pg';
import { askOne } from './ask.ts';
import { type Position, parsePosition, WRITTEN_POSITION } from './position.ts';

const INTERVAL_MS = 1_000;

/** Where the primary's log ended, and whose it is: replicas of one cluster share its identifier. */
export interface PrimarySample {
  readonly position: Position;
  readonly systemIdentifier: string;
}

/** Called before the primary is asked; what it returns hears the answer. */
type Witness = () => (sample: PrimarySample) => void;

/** Asks the primary once a second where its log ends, for all who judge a replica by it. */
export class PrimaryWatch {
  readonly #primary: pg.Pool;
  readonly #logger: Logger;
  readonly #witnesses: Witness[] = [];
  #timer: NodeJS.Timeout | undefined;
  #asking: Promise<void>;
  #isClosed = false;

  constructor(options: { primary: pg.Pool; logger: Logger }) {
    this.#primary = options.primary;
    this.#logger = options.logger;
    // Not at once: those who want to hear it have yet to be made.
    this.#asking = Promise.resolve().then(() => this.#ask());
  }

  onSample(witness: Witness): void {
    this.#witnesses.push(witness);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#asking;
  }

  async #ask(): Promise<void> {
    const heard = this.#witnesses.map((witness) => witness());
    try {
      const { position, systemIdentifier } = await askOne<{ position: string; systemIdentifier: string }>(
        this.#primary,
        `select ${WRITTEN_POSITION} as position, system_identifier::text as "systemIdentifier" from pg_control_system()`,
      );
      const sample = { position: parsePosition(position), systemIdentifier };
      for (const hear of heard) hear(sample);
    } catch (error) {
      // Without new samples a replica is judged by the old ones; that the primary is away is others' to say.
      this.#logger.debug({ err: error }, "the primary's position is unknown");
    }
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => {
      this.#asking = this.#ask();
    }, INTERVAL_MS);
    this.#timer.unref();
  }
}
