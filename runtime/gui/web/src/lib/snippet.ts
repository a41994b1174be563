/** Ready-to-paste code for an event source. */

/** Text inside a script element: a quoted JavaScript string that cannot end the element. */
function literal(value: string): string {
  return JSON.stringify(value).replace(/</g, '\\u003c')
}

/** The snippet for a web page: a stub that collects calls, then the tracker itself. */
export function pageSnippet(publicUrl: string, sourceId: string): string {
  const script = literal(`${publicUrl}/tracker`)
  return `<script>
  window.options = {
    tracker: {
      url: { script: ${script}, api: ${literal(publicUrl)} },
      source: { id: ${literal(sourceId)} },
      settings: { respectDoNotTrack: true }
    },
    listeners: {
      onInit: function (init) {
        // The tracker is ready: init.tracker, init.context, init.helpers
      }
    }
  };
  // Calls made before the script has loaded wait here.
  window.tracker = window.tracker || { queue: [], track: function () { this.queue.push(arguments) } };
  tracker.track('page-view', {});
</script>
<script async src=${JSON.stringify(`${publicUrl}/tracker/liliput.min.js`)}></script>`
}

/** Examples of calls on a page that has the snippet. */
export function trackSnippet(): string {
  return `tracker.track('product-added-to-basket',
  { id: 'sku-1', name: 'Trail shoes', category: 'Shoes', price: 89.9, quantity: 1 },
  { fire: true });

tracker.track('sign-in',
  { email: { main: 'ada@example.com' } },
  { fire: true });`
}

/** The same without a browser. */
export function curlSnippet(publicUrl: string, sourceId: string): string {
  const body = JSON.stringify(
    {
      source: { id: sourceId },
      session: { id: 'a-session-id-of-your-own' },
      events: [{ type: 'page-view', properties: { category: 'shoes' }, context: { page: { url: 'https://shop.example/shoes', title: 'Shoes' } } }],
    },
    null,
    2,
  )
  return `curl -X POST ${shell(`${publicUrl}/track`)} \\
  -H 'Content-Type: application/json' \\
  -d ${shell(body)}`
}

/** A single-quoted word of the shell. */
function shell(value: string): string {
  return `'${value.replace(/'/g, `'\\''`)}'`
}

/** Address of the demo shop, sending to an event source. The web application serves it beside itself. */
export function shopUrl(publicUrl: string, sourceId: string): string {
  return `/shop/index.html?${new URLSearchParams({ api: publicUrl, source: sourceId }).toString()}`
}
