/** Actions of one name run one after the other, those of different names side by side. */
export class Turns {
  readonly #lastByName = new Map<string, Promise<void>>();

  async take<T>(name: string, action: () => Promise<T>): Promise<T> {
    const before = this.#lastByName.get(name);
    const mine = Promise.withResolvers<void>();
    this.#lastByName.set(name, mine.promise);
    try {
      await before;
      return await action();
    } finally {
      mine.resolve();
      if (this.#lastByName.get(name) === mine.promise) this.#lastByName.delete(name);
    }
  }

  /** Names that somebody has a turn of, or waits for one. */
  get size(): number {
    return this.#lastByName.size;
  }
}
