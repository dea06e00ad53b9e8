import { spawnSync } from 'node:child_process';
import { scraped } from '../support/scraped.js';

/** What Debian's promtool says of metrics: nothing, where nothing is wrong with them. */
function checked(text: string): { readonly status: number | null; readonly said: string } {
  const { status, stdout, stderr, error } = spawnSync('promtool', ['check', 'metrics'], {
    input: text,
    encoding: 'utf8',
  });
  if (error) throw new Error('promtool is not there: install the package prometheus.', { cause: error });
  return { status, said: `${stdout}${stderr}` };
}

test('promtool finds nothing wrong with the metrics of the shop', async () => {
  const shop = await scraped();
  try {
    expect(checked(await shop.text())).toEqual({ status: 0, said: '' });
  } finally {
    await shop.close();
  }
});

test('and it would say so', () => {
  const { status, said } = checked('# TYPE orders counter\norders 1\n');
  expect(status).not.toBe(0);
  expect(said).toContain('counter metrics should have "_total" suffix');
});
