/** Takes every email as SendGrid's API does (`POST /v3/mail/send`). Others import its port only. */
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';

export const PORT = 8080;

if (import.meta.main) {
  createServer((request, response) => {
    request.resume().on('end', () => response.writeHead(202, { 'x-message-id': randomUUID() }).end());
  }).listen(PORT, '0.0.0.0');
}
