"""Words that say nothing about what a mail is about, in seven languages; without accents."""

_EN = """a about after again all also am an and any anyone anything are as at back be because been
before being best but by can cannot cant could couldn dear did didn do does doesn doing don
done email even ever every few for from get getting give go going good got had hadn has hasn
have haven having he hello help her here hi him his how however if im in into is isn it its
ive just kind kindly know last let like ll look looking make many may me might more morning
most much must my myself need needed no not now of off ok on once one only or other our out
over per please possible pls question re really regarding regards s said same say see seem
sent she should shouldn since sincerely sir madam so some someone something soon still such
sure t tell than thank thanks that the their them then there these they thing this those
thru to today too try trying u under until ur us use used using ve very via want wanted
wants was wasn way we well were what when where which while who why will wish with within
without won wonder wondering would wouldn write writing yes yet you your yours currently
already ask asking able find happen happened happens come came mail reply answer customer
service team support im id"""
_DE = """ab aber alle allem allen aller alles als also am an andere anderen auch auf aus bei beim
bereits besten bin bis bitte bitten brauche da dabei dafur daher dann daran das dass dazu
dem den denn der deren des deshalb dessen die dies diese diesem diesen dieser dieses doch
dort du durch ebenfalls eigentlich ein eine einem einen einer eines einmal er erst es etwas
euch euer fur ganz gar geben gegen geht gerne gern gerade gibt grusse gruss gruessen grussen
guten habe haben hallo hat hatte hatten helfen herr frau hier hiermit hilfe ich ihm ihn
ihnen ihr ihre ihrem ihren ihrer im immer in ins ist ja jede jeder jetzt kann kein keine
keinen konnen konnte konnten mal man mehr mein meine meinem meinen meiner meines mich mir
mit mochte mochten moglich moin muss nach nicht nichts noch nun nur ob oder ohne sage schon
schreibe sehr sei seid sein seine seit sich sie sind so soll sollte sowie tag uber um und
uns unser unsere unter viel viele vielen dank voll vom von vor war warum was weil weiter
welche welcher wenn wer werde werden wie wieder will wir wird wirklich wissen wo wollte
wurde wurden zu zum zur zwar zwischen damen herren geehrte geehrter freundlichen lassen
mitteilen frage anfrage"""
_FR = """a ai ainsi alors apres au aucun aussi autre aux avais avait avant avec avez avoir avons
besoin bien bonjour bonsoir c ca car ce cela celle celui ces cet cette chez ci comme comment
cordialement d dans de depuis des deux devez dire dit dois donc du elle elles en encore
entre est et etait etre eu fait faire faut il ils j je jusqu l la le les leur leurs lors lui
m ma madame mais me meme merci mes moi mon monsieur n ne ni nos notre nous on ont ou par
parce pas peu peut peux plus pour pourquoi pourriez pouvez puis qu quand que quel quelle
quelles quels question qui quoi s sa salutations sans se sera ses si sinon son sont souhaite
souhaiterais sous suis sur t ta te tes toujours tous tout toute toutes tres tu un une va
vais vers veuillez voici voila vos votre vous voudrais vouloir y aider svp"""
_ES = """a ahora al algo alguien algun alguna antes aqui asi atentamente aun ayuda ayudar ayudarme
buenas buenos cada como con cual cuando de del desde dias donde dos e el ella ellos en entre
era es esa ese eso esta estan estar este esto estoy favor fue gracias ha hace hacer han
hasta hay he hola la las le les lo los mas me mi mis mucho muy nada necesito ni no nos o os
otra otro para pero poder podria podrian por porque pregunta pude puede pueden puedo que
quien quiero quisiera saber saludos se sea segun ser si sin sobre solo son soy su sus
tambien tan tengo tiene tienen todo todos tu tus un una uno unos usted ustedes y ya yo
tardes"""
_IT = """a abbiamo ad agli ai aiutare aiuto al alla alle allo ancora anche avere avete aveva bisogno
buonasera buongiorno c che chi ci come con cordiali cosa cosi cui d da dal dalla de degli
dei del della delle dello di domanda dove due e ed era essere fare fatto favore fra gentile
gia gli grazie ha hai hanno ho i il in io l la le lei li lo loro ma me mi mia mie miei mio
molto ne nei nel nella no noi non nostro o ogni per perche piu po posso possibile potete
potrebbe prego puo qual quale quando quanto quella quello questa queste questi questo qui
sapere salve saluti se sei senza si sia siamo sono sta stato su sua sue sul sulla suo tra tu
tutti tutto un una uno vi voi volevo vorrei vostra vostro"""
_NL = """aan al alle alleen als altijd alvast andere alsjeblieft alstublieft ben bij dag dan dank
dat de deze die dit doen door dus een en er even ga gaat geen gegroet goed graag groet groeten
had hallo heb hebben heeft helpen het hier hij hoe hun ik in is ja jaar je jij jullie kan
kom kunnen kunt maar me meer mevrouw meneer met mij mijn moet mogelijk na naar niet niets
nog nu of om omdat onder ons onze ook op over per r reeds s te tegen toch toen tot u uit uw
van vanaf veel via voor vraag vriendelijke waar waarom wanneer want waren was wat we weer
weet wel welke werd wie wil wilt willen wij wordt worden zal ze zeer zelf zich zij zijn zo
zonder zou zouden geachte beste hulp weten"""
_PT = """a ainda ajuda ajudar alguem algum alguma ao aos apenas aqui as assim ate atenciosamente bem
boa bom com como cumprimentos da das de dela dele depois desde deste deve dia do dos duvida
e ela ele eles em entre era essa esse esta estao estar estou eu favor fazer fez foi gostaria
ha isso isto ja la lhe mais mas me mesmo meu meus minha minhas muito na nao nas nem no nos
nossa nosso num numa o obrigada obrigado ola onde os ou para pela pelo pergunta pode podem
poderia por porque posso preciso qual quando que quem quero saber saudacoes se seja sem ser
seu seus sim so sobre sua suas tambem tarde te tem tenho ter teve todos tudo um uma voce
voces"""
STOP_WORDS = frozenset(" ".join((_EN, _DE, _FR, _ES, _IT, _NL, _PT)).split())
