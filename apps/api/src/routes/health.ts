import type { Express, Request } from 'express';
import type { ApiResponse } from '../locals.ts';
import type { Services } from '../services.ts';

/**
 * Not in the envelope: probes ask, and the contract has these shapes.
 * live: the process answers, and says what version it is. ready: send requests here. startup: it was ready once.
 */
export function mountHealth(app: Express, { readiness, settings }: Services): void {
  const route = (path: string, answer: (timestamp: string) => { status: number; body: object }) =>
    app.get(path, (_request: Request, response: ApiResponse) => {
      response.locals.route = path;
      const { status, body } = answer(new Date().toISOString());
      response.status(status).json(body);
    });

  route('/health/live', (timestamp) => ({
    status: 200,
    body: { alive: true, timestamp, version: settings.version },
  }));
  route('/health/ready', (timestamp) => {
    const { ready, services } = readiness.snapshot();
    return { status: ready ? 200 : 503, body: { ready, services, timestamp } };
  });
  route('/health/startup', (timestamp) => {
    const started = readiness.hasStarted();
    return { status: started ? 200 : 503, body: { started, timestamp } };
  });
}
