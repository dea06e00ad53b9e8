import { InvalidOption } from '@backstory/core/store';
import { SpansNotTaken } from '../errors.js';
import type { FlowSpans } from './flow-spans.js';
import { otlpLines } from './otlp-lines.js';

/** Where spans go. */
export interface SendSpansOptions {
  /** A collector that understands OTLP over HTTP, such as Jaeger: `http://localhost:4318`; `/v1/traces` is added where it is not there. */
  readonly url: string;
  /** Such as one by which the collector knows who sends. */
  readonly headers?: Readonly<Record<string, string>>;
  /** How long the collector may take for each request, in milliseconds. Default 10,000. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * Sends a flow to a collector. Their ids are always the same, so sending it again does no harm.
 *
 * @throws SpansNotTaken where the collector cannot be reached or does not take all of them; InvalidOption
 */
export async function sendSpans(flow: FlowSpans, { url, ...options }: SendSpansOptions): Promise<void> {
  const to = tracesUrl(url);
  for (const line of otlpLines(flow)) {
    options.signal?.throwIfAborted();
    await send(line, to, options);
  }
}

function tracesUrl(url: string): URL {
  const to = URL.canParse(url) ? new URL(url) : undefined;
  if (!to || !/^https?:$/.test(to.protocol))
    throw new InvalidOption(
      'url',
      `must be the URL of a collector, such as http://localhost:4318, not ${url}.`,
    );
  if (!to.pathname.endsWith('/v1/traces')) to.pathname = `${to.pathname.replace(/\/$/, '')}/v1/traces`;
  return to;
}

async function send(
  body: string,
  to: URL,
  { headers = {}, timeoutMs = 10_000, signal }: Omit<SendSpansOptions, 'url'>,
): Promise<void> {
  const inTime = AbortSignal.timeout(timeoutMs);
  const request = {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body,
    signal: signal ? AbortSignal.any([signal, inTime]) : inTime,
  };
  const { isOk, status, text } = await post(to, request).catch((error: unknown) => {
    signal?.throwIfAborted();
    throw new SpansNotTaken(to.href, notReached(error, timeoutMs), { cause: error });
  });
  const said = text === '' ? '' : `: ${text.slice(0, 300)}`;
  if (!isOk) throw new SpansNotTaken(to.href, `answered ${status}${said}`);
  const rejected = rejectedIn(text);
  if (rejected !== undefined) throw new SpansNotTaken(to.href, rejected);
}

async function post(to: URL, request: RequestInit) {
  const answer = await fetch(to, request);
  return { isOk: answer.ok, status: answer.status, text: await answer.text() };
}

function notReached(error: unknown, timeoutMs: number): string {
  if ((error as Error).name === 'TimeoutError') return `did not answer within ${timeoutMs} ms`;
  const { cause } = error as { readonly cause?: { readonly code?: string } };
  return `cannot be reached (${cause?.code ?? String(error)})`;
}

/** A collector may take some spans and say how many it does not. */
function rejectedIn(answer: string): string | undefined {
  try {
    const { partialSuccess } = JSON.parse(answer) as {
      readonly partialSuccess?: { readonly rejectedSpans?: string | number; readonly errorMessage?: string };
    };
    const rejected = Number(partialSuccess?.rejectedSpans ?? 0);
    return rejected > 0 ? `did not take ${rejected} spans: ${partialSuccess?.errorMessage ?? ''}` : undefined;
  } catch {
    return undefined;
  }
}
