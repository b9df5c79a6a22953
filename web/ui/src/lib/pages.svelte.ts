// A list read page after page, which follows the live stream.
import type { List } from './model';
import { follow } from './resource.svelte';
import type { Resource } from './resource.svelte';
import type { Topic } from './live.svelte';

const PAGE = 100;

export interface Rows<T> { items: T[]; more: boolean }

/** Follows the first rows of a list, anew when key changes; more() shows another page of them. */
export function followList<T>(
  read: (page: { limit: number; after: string }) => Promise<List<T>>,
  topics: Topic[],
  key: () => unknown = () => '',
): { rows: Resource<Rows<T>>; more: () => void } {
  let wanted = $state(PAGE);
  const rows = follow(
    async () => {
      const items: T[] = [];
      let after = '';
      do {
        const page = await read({ limit: PAGE, after });
        items.push(...page.items);
        after = page.next;
      } while (after && items.length < wanted);
      return { items, more: after !== '' };
    },
    topics,
    () => [key(), wanted],
  );
  return { rows, more: () => (wanted += PAGE) };
}
