// MJML 5 ships no types, and those of DefinitelyTyped are of MJML 4, which answered without a promise.
declare module 'mjml' {
  interface MjmlOptions {
    /** `strict`: throws on the first fault in the template; `soft`: answers with all of them in `errors`. */
    validationLevel?: 'strict' | 'soft' | 'skip';
    /** Leaves mj-include alone, which would read files of the server. */
    ignoreIncludes?: boolean;
    /** Web fonts by family name; none of them, no request to a third party from the reader's mail program. */
    fonts?: Record<string, string>;
    keepComments?: boolean;
    minify?: boolean;
  }
  export default function mjml2html(
    mjml: string,
    options?: MjmlOptions,
  ): Promise<{ html: string; errors: { line: number; message: string }[] }>;
}
