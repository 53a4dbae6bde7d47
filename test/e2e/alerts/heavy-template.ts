/** A template that takes long to fill: as many placeholders and as long a value as one email of each second may have. */
import type { Client } from '@sv-sdk/client';

export const HEAVY = 'heavy';
/** 40 to 100 ms of a core, and 3 MB of HTML, as each of these characters becomes five. */
const PLACEHOLDERS = 60;
export const HEAVY_VALUES = { message: '&'.repeat(10_000) };

/** Its id. */
export async function makeHeavyTemplate(client: Client): Promise<string> {
  const { data } = await client.post('/api/v1/templates', {
    body: {
      name: HEAVY,
      subject: 'Heavy',
      mjml:
        '<mjml><mj-body><mj-section><mj-column>' +
        `<mj-text>${'{{message}} '.repeat(PLACEHOLDERS)}</mj-text>` +
        '</mj-column></mj-section></mj-body></mjml>',
      variables: ['message'],
    },
  });
  return data.id;
}

export const removeHeavyTemplate = (client: Client, id: string) =>
  client.delete('/api/v1/templates/{id}', { params: { path: { id } } });
