import { belongsTo } from './context'
import type { Properties, Target } from './types'

/** Things that happen on the page and become events by themselves. */

type Report = (type: string, properties: Properties) => void

/** Elements with this attribute are watched; its value is reported as `tag`. */
const TAG = 'data-tracardi-tag'
/** Type of the event; without it the trigger's own. */
const TYPE = 'data-tracardi-event'

const DEFAULT_TYPES: Record<string, string> = {
  onClick: 'element-clicked',
  onMouseOver: 'element-mouse-over',
  onVisible: 'element-visible',
  onTextSelect: 'text-selected',
}

function elements(target: Target, document: Document): Element[] {
  return typeof target === 'string' ? Array.from(document.querySelectorAll(target)) : [target]
}

export function onEvent(document: Document, name: 'click' | 'mouseover', target: Target, report: () => void, once: boolean): void {
  for (const element of elements(target, document)) element.addEventListener(name, report, { once })
}

/** Reports once when half of an element is seen. */
export function onVisible(view: Window & typeof globalThis, target: Target, report: (element: Element) => void): void {
  if (!view.IntersectionObserver) return
  const observer = new view.IntersectionObserver(
    entries => {
      for (const entry of entries) {
        if (!entry.isIntersecting) continue
        observer.unobserve(entry.target)
        report(entry.target)
      }
    },
    { threshold: 0.5 },
  )
  for (const element of elements(target, view.document)) observer.observe(element)
}

/** Watches tagged elements for the triggers that the page asks for. */
export function watchTags(view: Window & typeof globalThis, triggers: readonly string[], report: Report): void {
  const { document } = view
  const about = (trigger: string, element: Element, more: Properties = {}) =>
    report(element.getAttribute(TYPE) ?? (DEFAULT_TYPES[trigger] as string), {
      tag: element.getAttribute(TAG),
      ...(element.id ? { id: element.id } : {}),
      ...more,
    })
  const tagged = (event: Event) => (event.target as Element | null)?.closest?.(`[${TAG}]`) ?? null
  const delegate = (trigger: string, name: string, once: boolean) => {
    const seen = new WeakSet<Element>()
    document.addEventListener(name, event => {
      const element = tagged(event)
      if (!element || (once && seen.has(element))) return
      seen.add(element)
      about(trigger, element)
    })
  }
  for (const trigger of triggers) {
    if (trigger === 'onClick') delegate(trigger, 'click', false)
    else if (trigger === 'onMouseOver') delegate(trigger, 'mouseover', true)
    else if (trigger === 'onVisible') onVisible(view, `[${TAG}]`, element => about(trigger, element))
    else if (trigger === 'onTextSelect') {
      document.addEventListener('mouseup', event => {
        const element = tagged(event)
        const text = String(view.getSelection?.() ?? '').trim()
        if (element && text) about(trigger, element, { text: text.slice(0, 500) })
      })
    }
  }
}

/** Attaches the visitor's identity to links to other sites of the same owner, at the moment they are followed. */
export function passOnLinks(document: Document, domains: readonly string[], linkTo: (url: string) => string): void {
  const follow = (event: Event) => {
    const link = (event.target as Element | null)?.closest?.('a[href]') as HTMLAnchorElement | null
    if (link && belongsTo(link.hostname, domains)) link.href = linkTo(link.href)
  }
  // Capturing, and before the click: middle clicks and "open in new tab" follow the address that stands there by then.
  for (const name of ['pointerdown', 'click', 'keydown']) document.addEventListener(name, follow, true)
}
