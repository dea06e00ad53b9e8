import fs from 'node:fs';
import path from 'node:path';

/** What is deployed beside an application: rules, dashboards, samples. */
export const DEPLOY = path.join(__dirname, '../../packages/observability/deploy');

/** Every panel of every dashboard, with its queries. */
export function dashboardPanels(): readonly {
  readonly title: string;
  readonly queries: readonly string[];
}[] {
  const folder = path.join(DEPLOY, 'grafana/dashboards');
  return fs.readdirSync(folder).flatMap((file) => {
    const { title, panels } = JSON.parse(fs.readFileSync(path.join(folder, file), 'utf8')) as {
      readonly title: string;
      readonly panels: readonly {
        readonly title: string;
        readonly targets: readonly { readonly expr: string }[];
      }[];
    };
    return panels.map((it) => ({
      title: `${title}: ${it.title}`,
      queries: it.targets.map(({ expr }) => expr),
    }));
  });
}
