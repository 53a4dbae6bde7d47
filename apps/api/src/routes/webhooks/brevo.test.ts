import { expect, test } from 'vitest';
import { createBrevoReceiver } from './brevo.ts';

test('while a token is changed the old one is believed as well, and no third one', async () => {
  const [current, old] = ['c'.repeat(32), 'o'.repeat(32)];
  const receiver = createBrevoReceiver({ tokens: [current, old] });
  const send = (token: string) =>
    receiver.receive({ headers: { authorization: `Bearer ${token}` }, body: Buffer.from('[]') });
  await expect(send(current)).resolves.toBeDefined();
  await expect(send(old)).resolves.toBeDefined();
  await expect(send('x'.repeat(32))).rejects.toThrow();
});
