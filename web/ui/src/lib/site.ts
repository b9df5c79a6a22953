// What the site says about itself before anybody signs in.

export interface SiteQueue {
  name: string;
  title: string | Record<string, string>;
}

export interface Site {
  demo: boolean;
  version: string;
  languages: string[];
  queues: SiteQueue[];
}

/** Reads the site; it throws when the server does not answer. */
export async function readSite(): Promise<Site> {
  const answer = await fetch('/api/v1/site', { headers: { Accept: 'application/json' } });
  if (!answer.ok) throw new Error(`site: ${answer.status}`);
  return (await answer.json()) as Site;
}

/** The title of a queue in a language; its name where it has none. */
export function titleOf(queue: Pick<SiteQueue, 'name'> & Partial<SiteQueue>, lang: string): string {
  if (typeof queue.title === 'string') return queue.title || queue.name;
  return queue.title?.[lang] || queue.title?.en || queue.name;
}
