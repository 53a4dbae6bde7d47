import { SNS_TOPIC_ARN } from '@sv-sdk/config';

/** Where a topic of Amazon SNS lives; all that is asked of Amazon is asked there. */
export interface Topic {
  readonly arn: string;
  readonly region: string;
  /** `sns.eu-west-1.amazonaws.com` */
  readonly host: string;
  /** Names that its signing certificates are issued to: one of these, by region. */
  readonly certificateNames: readonly string[];
}

/** Throws for what is no topic. */
export function topicOf(arn: string): Topic {
  const [, partition, region] = SNS_TOPIC_ARN.exec(arn) ?? [];
  if (partition === undefined || region === undefined) throw new Error(`${arn} is no topic of SNS`);
  const domain = partition === 'aws-cn' ? 'amazonaws.com.cn' : 'amazonaws.com';
  const host = `sns.${region}.${domain}`;
  return {
    arn,
    region,
    host,
    // Most regions have the first; af-south-1 and other younger ones only names of their own.
    certificateNames: [`sns.${domain}`, host, `sns-signing.${region}.${domain}`, `sns-${region}.${domain}`],
  };
}
