export {
  EMAIL_JOB_ATTEMPTS,
  EMAIL_QUEUE,
  EMAIL_QUEUE_PREFIX,
  type EmailJobName,
  type EmailJobs,
  jobs,
  WAITING_ROOM_JOBS,
} from './catalogue.ts';
export {
  createProducerConnection,
  createWorkerConnection,
  type QueueConnection,
  untilConnected,
} from './connection.ts';
export { createEmailQueue, type EmailQueue, type EmailToSend, type JobCounts } from './email-queue.ts';
export {
  createEmailWorker,
  DeferJob,
  type EmailJobHandlers,
  type EmailWorker,
  GiveUpJob,
} from './email-worker.ts';
export { assertQueuePolicy, QueuePolicyError } from './policy.ts';
