// What all pages share: head, foot, the panel that shows what is tracked.
import { count, customer, signOut } from './basket.js'
import { config, forget, onOutcome, remember, track } from './tracking.js'

export const escape = text => String(text).replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`)

/** What the platform knows a product by. */
export const described = (product, more = {}) => ({
  id: product.id,
  name: product.name,
  sku: product.sku,
  category: product.category,
  brand: product.brand,
  price: product.price,
  url: { page: new URL(`product.html?id=${product.id}`, location.href).href },
  ...more,
})

export const id = () => Array.from(crypto.getRandomValues(new Uint8Array(6)), byte => byte.toString(16).padStart(2, '0')).join('')

export function frame() {
  const person = customer()
  document.querySelector('header').innerHTML = `
    <a class="brand" href="index.html">Northmoor</a>
    <form class="search" action="index.html" role="search"><input name="q" type="search" placeholder="Search the shop" aria-label="Search the shop" value="${escape(new URLSearchParams(location.search).get('q') ?? '')}"></form>
    <nav aria-label="Shop">
      ${person ? `<span class="hello">Hello, ${escape(person.firstname || person.email)}</span><button class="link" id="sign-out">Sign out</button>` : '<a href="sign-in.html">Sign in</a>'}
      <a class="basket" href="basket.html">Basket <b id="basket-count">${count()}</b></a>
    </nav>`
  document.querySelector('footer').innerHTML = `
    <p>A shop that sells nothing: it shows how events reach Tracardi.</p>
    <details class="settings"><summary>Tracking settings</summary>
      <form id="settings">
        <label>Public API<input name="api" type="url" required value="${escape(config.api)}"></label>
        <label>Event source id<input name="source" required value="${escape(config.source)}"></label>
        <button>Save</button> <button type="button" class="link" id="defaults">Defaults</button>
      </form>
    </details>`
  document.querySelector('#sign-out')?.addEventListener('click', () => {
    signOut()
    location.reload()
  })
  document.querySelector('#settings').addEventListener('submit', event => {
    event.preventDefault()
    remember(Object.fromEntries(new FormData(event.target)))
    location.search = ''
  })
  document.querySelector('#defaults').addEventListener('click', () => {
    forget()
    location.search = ''
  })
  panel()
  track('page-view', { category: document.body.dataset.category ?? 'shop' }, {})
}

export const showCount = () => {
  document.querySelector('#basket-count').textContent = count()
}

/** A quiet corner that tells which events leave the page, and what became of them. */
function panel() {
  const box = document.createElement('aside')
  box.className = 'tracked'
  box.setAttribute('aria-label', 'Tracked events')
  box.innerHTML = '<b>Tracked on this page</b><ol></ol><p hidden></p>'
  document.body.append(box)
  const list = box.querySelector('ol')
  const problem = box.querySelector('p')
  onOutcome(({ type, ok, text }) => {
    if (type) {
      const item = document.createElement('li')
      item.textContent = type
      list.prepend(item)
      while (list.children.length > 5) list.lastChild.remove()
    } else if (ok) {
      problem.hidden = true
      for (const item of list.children) item.className = 'stored'
    } else {
      problem.hidden = false
      problem.textContent = `${text}. Check the tracking settings at the foot of the page: is there an event source with this id?`
    }
  })
}
