/** Makes `schema.ts` of an OpenAPI document; a tool for developers, no part of the client. */
import openapiTypescript, { astToString, type OpenAPI3 } from 'openapi-typescript';

const HEADER = `/**
 * Generated from the API's OpenAPI document by \`pnpm generate:client\` (or \`make client\`); not to be edited.
 * apps/api/src/openapi.test.ts fails while this file is not what the document gives.
 */
`;

/** The TypeScript text of every path, operation and named schema of an OpenAPI 3.1 document. */
export async function generateSchema(document: object): Promise<string> {
  // A copy: the generator resolves references in what it is given.
  const nodes = await openapiTypescript(structuredClone(document) as OpenAPI3, {
    // The order of routes in the code may change without a change here.
    alphabetize: true,
    // A field with a default may be left out of a request.
    defaultNonNullable: false,
    // `User` beside `components['schemas']['User']`.
    rootTypes: true,
    rootTypesNoSchemaPrefix: true,
    silent: true,
  });
  return `${HEADER}\n${astToString(nodes)}`;
}
