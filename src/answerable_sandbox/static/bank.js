// The demo's sign-in: asks the bank for a signed token and hands it to the chat.

const REMEMBERED = "northwind-customer";
const switcher = document.querySelector("[data-switcher]");
const signed = document.querySelector("[data-signed]");
const greeting = document.querySelector("[data-greeting]");
const offline = document.querySelector("[data-offline]");
const firstChat = document.querySelector("[data-chat]");
const { key, endpoint } = {
  key: firstChat.getAttribute("key"),
  endpoint: firstChat.getAttribute("endpoint"),
};
const welcome = greeting.textContent;
let asked = 0;

function showChat(token) {
  document.querySelector("answerable-chat")?.remove();
  const chat = document.createElement("answerable-chat");
  chat.setAttribute("key", key);
  if (endpoint) chat.setAttribute("endpoint", endpoint);
  chat.dataset.chat = "";
  if (token) chat.setAttribute("token", token);
  document.body.append(chat);
}

function showVisitor(customer) {
  signed.textContent = customer
    ? `Signed in as ${customer.name} (${customer.id}).`
    : "You are not signed in.";
  greeting.textContent = customer ? `Welcome back, ${customer.name.split(" ")[0]}.` : welcome;
}

async function visitAs(id) {
  const mine = ++asked;
  sessionStorage.setItem(REMEMBERED, id);
  if (!id) {
    showVisitor(null);
    showChat(null);
    return;
  }
  document.querySelector("answerable-chat")?.remove();
  try {
    const response = await fetch(`bank/token?customer=${encodeURIComponent(id)}`);
    if (!response.ok) throw new Error(`status ${response.status}`);
    const { token, customer } = await response.json();
    if (mine !== asked) return; // the visitor has switched again meanwhile
    showVisitor(customer);
    showChat(token);
  } catch {
    if (mine !== asked) return;
    showVisitor(null);
    signed.textContent = "Signing in did not work. Please try again.";
  }
}

switcher.addEventListener("change", (event) => void visitAs(event.target.value));
switcher.addEventListener("submit", (event) => event.preventDefault());

const remembered = sessionStorage.getItem(REMEMBERED) ?? "";
const choice = [...switcher.elements.customer].find((input) => input.value === remembered);
if (choice && remembered) {
  choice.checked = true;
  void visitAs(remembered);
} else {
  switcher.elements.customer[0].checked = true;
}

setTimeout(() => {
  offline.hidden = Boolean(customElements.get("answerable-chat"));
}, 4000);
