import type { UxElement } from './types'

/** Puts the elements that workflows answered with at the end of the page. */
export function mount(elements: readonly UxElement[], document: Document): void {
  for (const { tag, props, content } of elements) {
    const element = document.createElement(tag)
    for (const [name, value] of Object.entries(props ?? {})) element.setAttribute(name, String(value))
    if (content !== undefined && content !== null) element.textContent = content
    document.body.appendChild(element)
  }
}
